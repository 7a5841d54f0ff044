import type { Parameters } from '@subtext/tensor';

import type { TrainingProgram } from '../program/training-program';

/** Copies what a program trained into a model's own parameters: those under `prefix`, by the rest of their names. */
export function assignParameters({
  program,
  prefix,
  parameters,
}: {
  program: TrainingProgram;
  prefix: string;
  parameters: Parameters;
}): void {
  for (const { name, variable } of program.parameters) {
    if (name.startsWith(prefix)) parameters.get(name.slice(prefix.length)).assign(variable);
  }
}
