import type { ReasoningExample } from '@subtext/data';
import {
  compareProbes,
  type ProbeComparison,
  probeLabels,
  questionStates,
  untrainedReasoner,
  untrainedThoughts,
} from '@subtext/decoder';
import type { Answer, Question, Reasoner } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import { FEWEST_EXAMPLES, stageStates, stagesOfAnswers } from './stage-states';

/** A fact of the data, looked for in the thoughts of a stage. */
export interface ComparedFact {
  stage: string;
  fact: string;
  comparison: ProbeComparison;
}

/** Options of {@link compareReasonerProbes}. */
export interface CompareReasonerProbesOptions {
  reasoner: Reasoner;
  examples: readonly ReasoningExample[];
  /** By example: as it was asked. */
  questions: readonly Question[];
  /** By example. */
  answers: readonly Answer[];
  /** Names of the facts looked for, as `probeLabels` tells them. @default all */
  labels?: readonly string[];
  /** By seed: another partition into held-out parts, another control task, another untrained model. @default [0] */
  seeds?: readonly number[];
  /** Questions side by side. @default 32 */
  batch?: number;
  /** Called after each part. @default none */
  onProgress?: (progress: { done: number; total: number; name: string }) => void;
  signal?: AbortSignal;
}

/**
 * Which facts of the data can be read from each stage's thoughts, by linear probes beside their baselines: the commonest
 * label, shuffled labels, a control task (of the questions, where they recur), the thoughts of untrained models of the
 * same shape, and the states of the question before any thought: its last positions, as many as the stage has thoughts,
 * and the mean of all.
 *
 * @throws EvaluationError invalid-option for a fact that the data does not have; empty-set without a thought or a fact
 */
export async function compareReasonerProbes({
  reasoner,
  examples,
  questions,
  answers,
  labels: asked,
  seeds = [0],
  batch = 32,
  onProgress,
  signal,
}: CompareReasonerProbesOptions): Promise<{
  facts: ComparedFact[];
  /** Why something was left out, a sentence each. */ left: string[];
}> {
  const labels = chosenLabels({ examples, asked });
  const stages = stagesOfAnswers(answers);
  if (stages.length === 0)
    throw new EvaluationError({
      code: 'empty-set',
      message: 'No example has a thought; probes need a reasoner that thinks in hidden states.',
    });
  const total = 1 + seeds.length + stages.length * labels.length;
  let done = 0;
  const step = (name: string) => onProgress?.({ done: ++done, total, name });

  const options = { questions, answers, batch, ...(signal && { signal }) };
  const thoughts = answers.map((answer) => answer.thoughts);
  const count = Math.max(...thoughts.map(({ length }) => length));
  const asQuestion = await questionStates({ ...options, reasoner, count });
  step('states of the questions');
  const untrained: { name: string; thoughts: Answer['thoughts'][] }[] = [];
  for (const seed of seeds) {
    const other = untrainedReasoner({ reasoner, seed });
    try {
      const name = seeds.length > 1 ? `untrained model ${seed}` : 'untrained model';
      untrained.push({ name, thoughts: await untrainedThoughts({ ...options, reasoner: other }) });
    } finally {
      other.dispose();
    }
    step('states of an untrained model');
  }

  const facts: ComparedFact[] = [];
  const left: string[] = [];
  for (const stage of stages) {
    const own = stageStates({ thoughts, stage });
    const asMany = own.width / reasoner.model.dimensions.width;
    const baselines = [
      ...untrained.map(({ name, ...found }) => ({ name, ...stageStates({ ...found, stage }) })),
      {
        name: 'question, last positions',
        ...sameWidth(asQuestion.map(({ last }) => last.slice(-asMany).flatMap((state) => [...state]))),
      },
      { name: 'question, mean', ...sameWidth(asQuestion.map(({ mean }) => mean)) },
    ];
    for (const { name: fact, labels: values } of labels) {
      signal?.throwIfAborted();
      const usable = values.flatMap((label, index) =>
        label !== null && [own, ...baselines].every(({ states, width }) => states[index]!.length === width)
          ? [index]
          : [],
      );
      const kinds = new Set(usable.map((index) => values[index])).size;
      if (usable.length < FEWEST_EXAMPLES || kinds < 2)
        left.push(`${stage} → ${fact}: only ${usable.length} examples with this label and all thoughts.`);
      else {
        const at = (states: readonly ArrayLike<number>[]) => usable.map((index) => states[index]!);
        const comparison = compareProbes({
          states: at(own.states),
          labels: usable.map((index) => values[index]!),
          types: usable.map((index) => questions[index]!.question),
          baselines: baselines.map(({ name, states }) => ({ name, states: at(states) })),
          seeds,
        });
        facts.push({ stage, fact, comparison });
      }
      step(`${stage} → ${fact}`);
      // Probes compute in one go; others may have a turn in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { facts, left };
}

function chosenLabels({
  examples,
  asked,
}: {
  examples: readonly ReasoningExample[];
  asked: readonly string[] | undefined;
}): ReturnType<typeof probeLabels> {
  const all = probeLabels({ examples });
  if (all.length === 0)
    throw new EvaluationError({
      code: 'empty-set',
      message: `The data knows no fact that a probe could learn: of ${examples.length} examples, answers are all alike or nearly all different. Give more examples.`,
    });
  const known = all.map(({ name }) => name);
  const unknown = asked?.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `The data has no fact "${unknown}" that a probe could learn; choose from: ${known.join('; ')}.`,
    });
  return all.filter(({ name }) => asked?.includes(name) ?? true);
}

function sameWidth<State extends ArrayLike<number>>(states: State[]): { states: State[]; width: number } {
  return { states, width: Math.max(...states.map(({ length }) => length)) };
}
