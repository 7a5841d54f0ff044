import type { ReasoningExample } from '@subtext/data';

import { stageName } from './layout-builder';

/** The names of all steps that examples have, in the order in which they first appear: `step_1` … where they have none. */
export function stagesOf(examples: Iterable<Pick<ReasoningExample, 'steps'>>): string[] {
  const names = new Set<string>();
  for (const { steps } of examples) for (const [index, step] of steps.entries()) names.add(stageName({ step, index }));
  return [...names];
}
