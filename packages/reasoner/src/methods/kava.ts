import { z } from 'zod';

import { ReasonerError } from '../errors';
import { checkProbability } from './check-option';
import { codiOptions } from './codi';
import { share } from './option-schemas';
import type { ReasoningMethod } from './reasoning-method';
import { checkWeight, selfDistillation } from './self-distillation';

export const kavaOptions = codiOptions.extend({
  /** How the keys and values of the two readings are compared. */
  keyValueDistance: z
    .enum(['smooth-l1', 'l1', 'mse'])
    .describe('between keys and values of thoughts and of the chain')
    .default('smooth-l1'),
  /** Weight of that comparison beside the others: the paper's α₂. */
  keyValueWeight: z.number().min(0).describe('of that distance beside the others').default(1),
  /** How much of a position's score is how far the answer looks at it, the rest how little it repeats others: R-KV's λ. */
  importance: share
    .describe("of a chain's position: how far the answer looks at it, against how little it repeats others")
    .default(0.1),
});
export type KavaOptions = z.input<typeof kavaOptions>;
const defaults = kavaOptions.parse({});

/**
 * KaVa (arXiv 2510.02312): CODI whose thoughts are taught one by one. Of the keys and values that the chain in words leaves in
 * the cache, each head of each layer keeps as many positions as there are thoughts, those that the answer looks at and that
 * do not repeat others, in their order; the keys and values of the thoughts are drawn to these, which the comparison
 * leaves as they are. The paper runs its thoughts side by side, some times over (Jacobi iterations); here one follows another.
 */
export function kava({
  count: thoughtCount = defaults.count,
  distance = defaults.distance,
  distillationWeight = defaults.distillationWeight,
  keyValueDistance = defaults.keyValueDistance,
  keyValueWeight = defaults.keyValueWeight,
  importance = defaults.importance,
}: KavaOptions = {}): ReasoningMethod {
  const name = 'kava';
  checkWeight({ method: name, option: 'distillationWeight', value: distillationWeight });
  checkWeight({ method: name, option: 'keyValueWeight', value: keyValueWeight });
  checkProbability({ method: name, option: 'importance', value: importance });
  return selfDistillation({
    name,
    count: thoughtCount,
    objectives: [
      { name: 'next-token' },
      {
        name: 'distillation',
        options: {
          distance,
          weight: distillationWeight,
          keysAndValues: { distance: keyValueDistance, weight: keyValueWeight, importance },
        },
      },
    ],
    checkChain({ id, tokens }) {
      if (tokens >= thoughtCount) return;
      throw new ReasonerError({
        code: tokens === 0 ? 'missing-stage' : 'invalid-option',
        message:
          tokens === 0
            ? `The example ${id} has no step, whose keys and values are to teach thoughts of "${name}". Leave it out.`
            : `The chain of the example ${id} takes ${tokens} tokens in words, fewer than the ${thoughtCount} thoughts of "${name}" that its keys and values are to teach. Take fewer thoughts (count), or leave the example out.`,
      });
    },
  });
}
