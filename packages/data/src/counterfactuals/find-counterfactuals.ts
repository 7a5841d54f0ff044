import type { ReasoningExample } from '../reasoning-example';
import { chainAnswers } from './chain-answers';
import { graphAnswers } from './graph-answers';
import { sceneAnswer } from './scene-answers';

/**
 * The answer that follows for an example if one of its stages said what another example's says; null where the data does
 * not tell. A stage is called by its step's name, or `step_1` … where steps have none.
 */
export type CounterfactualAnswer = (options: {
  example: ReasoningExample;
  /** Whose stage takes the place of the example's own. */
  partner: ReasoningExample;
  stage: string;
}) => string | null;

/**
 * Finds out whether the truth of exchanged stages is known for some data: of generated scenes, by their recorded facts; of
 * graphs (`prosqa`), by following the edges; of chains of equations (`arithmetic`, `modular-arithmetic`), by running the rest
 * of the chain again.
 *
 * @param options.examples those that will be exchanged: what numbers are counted modulo is told from all of them
 * @returns undefined for data that tells nothing of the kind
 */
export function findCounterfactuals({
  examples,
}: {
  examples: readonly ReasoningExample[];
}): CounterfactualAnswer | undefined {
  if (examples.some(({ facts }) => facts?.kind === 'scene')) return sceneAnswer;
  const walked = graphAnswers({ examples });
  if (walked !== undefined) return walked;
  const chained = chainAnswers({ examples });
  if (chained === undefined) return undefined;
  return ({ example, partner, stage }) => {
    const step = example.steps.findIndex(({ name }, index) => (name ?? `step_${index + 1}`) === stage);
    return step < 0 ? null : chained({ example, partner, step });
  };
}
