import type { ReasoningExample } from '@subtext/data';
import { stagesOf } from '@subtext/reasoner';

import { TrainerError } from '../errors';

/** The names of the chain's steps: those of the data, or those given, each of which the data must have. Throws `invalid-option`. */
export function resolveStages({
  stages = 'auto',
  examples,
}: {
  /** @default those of the data */
  stages?: 'auto' | readonly string[];
  examples: readonly ReasoningExample[];
}): string[] {
  const present = stagesOf(examples);
  if (stages === 'auto') return present;
  const unknown = stages.filter((stage) => !present.includes(stage));
  if (unknown.length === 0) return [...stages];
  const named = present.length > 0 ? `its steps are named ${present.join(', ')}` : 'its examples have no steps';
  throw new TrainerError({
    code: 'invalid-option',
    message: `stages names "${unknown.join('", "')}", which no example of the data has: ${named}. Leave "stages" out to take these.`,
  });
}
