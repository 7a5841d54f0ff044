import type { ExplanationRequest } from '@subtext/decoder';
import type { ReasoningExample } from '@subtext/data';
import type { Answer } from '@subtext/trainer';

/** What an interpreter is given in place of a thought; the question stays. */
export type ThoughtCondition = 'own' | 'another' | 'zeros' | 'question only';

/** The conditions under which an interpreter must be scored, so that reading can be told from guessing. */
export const thoughtConditions: readonly ThoughtCondition[] = ['own', 'another', 'zeros', 'question only'];

/** Requests for a stage's explanations under a condition. Another example's thought is the next one's that has the stage hidden. */
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
}): ExplanationRequest[] {
  const own = answers.map(({ thoughts }) => thoughts.filter((thought) => thought.stage === stage).map(({ hidden }) => hidden));
  return examples.map(({ question }, index) => ({ question, stage, states: statesFor({ own, index, condition }) }));
}

function statesFor({ own, index, condition }: { own: readonly Float32Array[][]; index: number; condition: ThoughtCondition }): Float32Array[] {
  const states = own[index]!;
  if (condition === 'own') return states;
  if (condition === 'zeros') return states.map((state) => new Float32Array(state.length));
  if (condition === 'question only') return [];
  for (let step = 1; step < own.length; step++) {
    const other = own[(index + step) % own.length]!;
    if (other.length === states.length) return other;
  }
  return states;
}
