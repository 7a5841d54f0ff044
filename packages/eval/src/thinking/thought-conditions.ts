import type { ReasoningExample } from '@subtext/data';
import type { ExplanationRequest } from '@subtext/decoder';
import { type Answer, stageName } from '@subtext/reasoner';

import { replaceByNext, replaceByZeros } from '../audit/interventions';

/** What an interpreter is given in place of a thought; the question stays. */
export type ThoughtCondition = 'own' | 'another' | 'zeros' | 'question only';

/** The conditions under which an interpreter must be scored, so that reading can be told from guessing. */
export const thoughtConditions: readonly ThoughtCondition[] = ['own', 'another', 'zeros', 'question only'];

/** What an interpreter is asked under one condition. */
export interface ConditionRequests {
  /**
   * Places of the examples that have the condition, in order. For `another` those are left out whose number of thoughts no
   * other example has: there is no such control, and never the example's own in its place.
   */
  indices: number[];
  /** By place in `indices`; null where the response has no thought of the stage: it explains as an empty text. */
  requests: (ExplanationRequest | null)[];
}

/**
 * Requests for a stage's explanations under a condition, for the examples whose chain has the stage. Another example's
 * thoughts are the next one's that has as many.
 */
export function explanationRequests({
  answers,
  examples,
  stage,
  condition,
}: {
  answers: readonly Answer[];
  examples: readonly ReasoningExample[];
  stage: string;
  condition: ThoughtCondition;
}): ConditionRequests {
  const own = answers.map(({ thoughts }) =>
    thoughts.filter((thought) => thought.stage === stage).map(({ hidden }) => hidden),
  );
  const given = statesFor({ own, condition });
  const indices: number[] = [];
  const requests: (ExplanationRequest | null)[] = [];
  for (const [index, { question, steps }] of examples.entries()) {
    if (!steps.some((step, place) => stageName({ step, index: place }) === stage)) continue;
    if (own[index]!.length === 0) {
      indices.push(index);
      requests.push(null);
      continue;
    }
    const states = given[index]!;
    if (states === null) continue;
    indices.push(index);
    requests.push({ question, stage, states });
  }
  return { indices, requests };
}

/** By example: what stands for its thoughts; null where there is nothing that could. */
function statesFor({
  own,
  condition,
}: {
  own: readonly Float32Array[][];
  condition: ThoughtCondition;
}): (readonly Float32Array[] | null)[] {
  if (condition === 'own') return [...own];
  if (condition === 'zeros') return replaceByZeros({ thoughts: own }).thoughts;
  if (condition === 'question only') return own.map(() => []);
  const { thoughts, partners } = replaceByNext({ thoughts: own });
  return thoughts.map((states, index) => (partners![index]! < 0 ? null : states));
}
