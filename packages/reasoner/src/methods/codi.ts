import { z } from 'zod';

import { count } from './option-schemas';
import type { ReasoningMethod } from './reasoning-method';
import { checkWeight, selfDistillation } from './self-distillation';

export const codiOptions = z.strictObject({
  /** Continuous thoughts before the answer. */
  count: count.describe('continuous thoughts before the answer').default(6),
  /** How the states of the two readings are compared. */
  distance: z.enum(['smooth-l1', 'l1']).describe('between the states of both readings').default('smooth-l1'),
  /** Weight of the comparison beside the two cross-entropies: the paper's γ; its release takes 20 for GPT-2. */
  distillationWeight: z.number().min(0).describe('of the distance beside both cross-entropies').default(20),
});
export type CodiOptions = z.input<typeof codiOptions>;
const defaults = codiOptions.parse({});

/**
 * CODI (arXiv 2502.21074), self-distillation into continuous thoughts: the same model reads each example twice, with its
 * chain in words and with continuous thoughts in the chain's place, and learns both. At the token before the answer the
 * states of the second reading are drawn to those of the first, which the comparison leaves as they are, in every layer.
 * There is one phase.
 */
export function codi({
  count: thoughtCount = defaults.count,
  distance = defaults.distance,
  distillationWeight = defaults.distillationWeight,
}: CodiOptions = {}): ReasoningMethod {
  const name = 'codi';
  checkWeight({ method: name, option: 'distillationWeight', value: distillationWeight });
  return selfDistillation({
    name,
    count: thoughtCount,
    objectives: [{ name: 'next-token' }, { name: 'distillation', options: { distance, weight: distillationWeight } }],
  });
}
