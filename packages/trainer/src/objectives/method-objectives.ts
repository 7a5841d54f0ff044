import type { ReasoningMethod } from '@subtext/reasoner';

import { TrainerError } from '../errors';
import { explanation } from './explanation';
import type { ObjectiveUse } from './objective';

/** Whether a method's thoughts are supervised by interpreters while they are learned (SIM-CoT). */
export function needsInterpreter({ objectives = [] }: Pick<ReasoningMethod, 'objectives'>): boolean {
  return objectives.some(({ name }) => name === explanation.name);
}

/**
 * What a method is trained on: the objectives that it names, else next-token cross-entropy; with interpreters, their
 * explanations come last.
 *
 * @throws TrainerError `invalid-option` for a method that names `explanation` where there are no interpreters
 */
export function methodObjectives({
  method: { name: method, objectives = [{ name: 'next-token' }] },
  explanations,
}: {
  method: Pick<ReasoningMethod, 'name' | 'objectives'>;
  /** That of prepared interpreters. @default none */
  explanations?: ObjectiveUse;
}): ObjectiveUse[] {
  if (!explanations && needsInterpreter({ objectives })) {
    throw new TrainerError({
      code: 'invalid-option',
      message: `The method "${method}" supervises its thoughts with an interpreter while they are learned; trained without one it would be another method. Give reasonerPhases the objectives of prepareInterpreters, in mode "joint".`,
    });
  }
  const others = objectives.filter(({ name }) => name !== explanation.name);
  return [...others, ...(explanations ? [explanations] : [])];
}
