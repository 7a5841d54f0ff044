import { createMethod, methodSpecification } from '@subtext/reasoner';
import { UsageError } from '@subtext/terminal';
import { needsInterpreter } from '@subtext/trainer';

import { type GivenConfiguration, trainConfiguration } from '../configuration/schema';

/** The interpreters of a run: those that are configured, or those that the method supervises its thoughts with. */
export function resolveInterpreters({
  method,
  interpreters,
}: Pick<GivenConfiguration, 'method' | 'interpreters'>): GivenConfiguration['interpreters'] {
  if (!needsInterpreter(createMethod(methodSpecification(method)))) return interpreters;
  // SIM-CoT's: a copy of the reasoner, which sees a step's thoughts and nothing else.
  if (!interpreters)
    return trainConfiguration.shape.interpreters.parse({
      mode: 'joint',
      model: { from: 'reasoner' },
      withQuestion: false,
    });
  if (interpreters.mode !== 'joint')
    throw new UsageError(
      `The method "${method.name}" supervises its thoughts while they are learned: give interpreters.mode joint, not ${interpreters.mode}, or leave "interpreters" out.`,
    );
  return interpreters;
}
