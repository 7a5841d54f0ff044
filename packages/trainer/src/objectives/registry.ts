import { TrainerError } from '../errors';
import { compressedLatents } from './compressed-latents';
import { distillation } from './distillation';
import { explanation } from './explanation';
import { halting } from './halting';
import { nextToken } from './next-token';
import type { ObjectiveDefinition } from './objective';
import { grpo } from './grpo';
import { recurrence } from './recurrence';
import { selfStudy } from './self-study';
import { softTargets } from './soft-targets';
import { swap } from './swap';
import { thoughtWords } from './thought-words';
import { weightedTargets } from './weighted-targets';

const builtIn: readonly ObjectiveDefinition[] = [
  nextToken,
  distillation,
  halting,
  explanation,
  thoughtWords,
  weightedTargets,
  softTargets,
  compressedLatents,
  selfStudy,
  swap,
  grpo,
  recurrence,
];
const objectives = new Map<string, ObjectiveDefinition>(builtIn.map((definition) => [definition.name, definition]));

/**
 * Adds an objective, which methods then name. In a run with workers, register it in a module that they load too
 * (`ProgramOptions.include`).
 *
 * @throws TrainerError `invalid-option` where the name is taken
 */
export function registerObjective<Options, Data, Part, Inputs>(
  definition: ObjectiveDefinition<Options, Data, Part, Inputs>,
): void {
  if (objectives.has(definition.name))
    throw new TrainerError({
      code: 'invalid-option',
      message: `There is an objective "${definition.name}" already; give another name to the one that is registered.`,
    });
  objectives.set(definition.name, definition as ObjectiveDefinition);
}

/** The objective of a name. Throws `invalid-option` where there is none. */
export function findObjective(name: string): ObjectiveDefinition {
  const found = objectives.get(name);
  if (!found)
    throw new TrainerError({
      code: 'invalid-option',
      message: `There is no objective "${name}". Take one of: ${[...objectives.keys()].join(', ')}; or register it (registerObjective).`,
    });
  return found;
}
