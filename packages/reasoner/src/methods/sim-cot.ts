import type { z } from 'zod';

import { coconut, coconutOptions } from './coconut';
import type { ReasoningMethod } from './reasoning-method';

export const simCotOptions = coconutOptions.omit({ thoughts: true });
export type SimCotOptions = z.input<typeof simCotOptions>;

/**
 * SIM-CoT (arXiv 2509.20317): Coconut whose thoughts are supervised one by one while it learns. An auxiliary decoder is
 * given the thoughts of a step and must write that step's text; its loss reaches the reasoner through them, so that each
 * thought comes to hold its own step. The decoder is an interpreter trained in `joint` mode (the objective `explanation`): thrown
 * away afterwards, or kept to read the thoughts. Layouts and answers are Coconut's.
 */
export function simCot(options: SimCotOptions = {}): ReasoningMethod {
  return { ...coconut(options), name: 'sim-cot', objectives: [{ name: 'next-token' }, { name: 'explanation' }] };
}
