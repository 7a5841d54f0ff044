import type { Answer } from '@subtext/reasoner';

/** Fewer examples than this teach a probe nothing. */
export const FEWEST_EXAMPLES = 20;

/** The stages that answers have thoughts of, in order. */
export function stagesOfAnswers(answers: readonly Pick<Answer, 'thoughts'>[]): string[] {
  return [...new Set(answers.flatMap(({ thoughts }) => thoughts.map(({ stage }) => stage)))];
}

/** By example, the states of a stage's thoughts one after the other, and their width where all thoughts are there. */
export function stageStates({ thoughts, stage }: { thoughts: readonly Answer['thoughts'][]; stage: string }): {
  states: number[][];
  width: number;
} {
  const states = thoughts.map((own) =>
    own.filter((thought) => thought.stage === stage).flatMap(({ hidden }) => [...hidden]),
  );
  return { states, width: states.reduce((most, state) => Math.max(most, state.length), 0) };
}
