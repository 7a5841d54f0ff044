import type { ExampleStream, ReadOptions, ReasoningExample } from '@subtext/data';
import type { AnswerFilter } from '../answers/answer-filters';
import { escapePattern } from '../metrics/recall';
import type { SampleRecord } from '../results/sample-record';
import type { JudgeStep } from './judge/judge-step';

/** What a task makes of one prediction. */
export interface TaskScore {
  correct: boolean;
  /** Whether an answer could be read; without one the sample is wrong and counted. */
  parseable: boolean;
  /** The answer in one writing; null where none could be read. */
  extracted: string | null;
  /** By metric. */
  scores: Record<string, number>;
}

/** A measure of a task. */
export interface TaskMetric {
  name: string;
  higherIsBetter: boolean;
}

/** A benchmark: how its data is read, asked and scored. One file a task, one line in the registry. */
export interface EvaluationTask {
  /** As `--task` takes it. */
  readonly name: string;
  /** One line on what it asks and where it comes from. */
  readonly description: string;
  /** Raised when a change here changes scores. */
  readonly version: number;
  /** `any`: as the examples have pictures or not. */
  readonly modality: 'text' | 'image' | 'any';
  /** The format of the data, where the task is one's own data. @default none */
  readonly format?: string;
  /** What `load` expects at its path. */
  readonly dataDescription: string;
  /** The first is the one to report. */
  readonly metrics: readonly TaskMetric[];
  /** How the rule of `score` is named where there are several. @default 'none' */
  readonly filter?: string;
  /** Further rules, each applied to the whole output and reported beside the task's own, such as the benchmark's first ones. @default none */
  readonly filters?: readonly AnswerFilter[];
  /** A model that scores answers; rules come first where they can. @default none */
  readonly judge?: JudgeStep;
  /** Reads the examples. */
  load(options: ReadOptions & { path: string }): ExampleStream;
  /** Looks at all examples before the first is asked. @throws EvaluationError invalid-task-data where they cannot be scored */
  check?(examples: readonly ReasoningExample[]): void;
  /** The question as it is put to the model. */
  prompt(example: ReasoningExample): string;
  /** Scores a prediction: the text between the method's answer marks, or the whole output; null where the method found no answer. */
  score(options: { prediction: string | null; example: ReasoningExample }): TaskScore;
  /** Measures over all samples, such as accuracy over groups. @default none */
  measure?(samples: readonly SampleRecord[]): Record<string, number>;
}

/** A score of right or wrong. */
export function exactMatchScore({ extracted, correct }: { extracted: string | null; correct: boolean }): TaskScore {
  const right = extracted !== null && correct;
  return { correct: right, parseable: extracted !== null, extracted, scores: { exact_match: right ? 1 : 0 } };
}

/** The metric of tasks that are right or wrong. */
export const exactMatch: readonly TaskMetric[] = [{ name: 'exact_match', higherIsBetter: true }];

/** What a samples file keeps of an example: no pixels. */
export function sampleDocument(example: ReasoningExample): Record<string, unknown> {
  const { image, ...rest } = example;
  return { ...rest, ...(image === undefined ? {} : { image: image.path.split(/[\\/]/).at(-1) }) };
}

/** The name of a task's own rule where others stand beside it. */
export const finalAnswerFilter = 'final-answer';

/**
 * Whether an answer, as a task extracts it, is one that an example's question allows: one of its options, or of a graph's
 * two candidates. Any answer where the question names none.
 */
export function isCandidate({
  example: { facts, answer: truth },
  answer,
}: {
  example: ReasoningExample;
  answer: string;
}): boolean {
  if (facts?.kind === 'choice') return facts.options.some(({ letter, text }) => letter === answer || text === answer);
  if (facts?.kind !== 'graph') return true;
  const { target, negativeTarget, symbols } = facts;
  // Graphs are asked by node numbers or in words; the true answer shows which.
  if (/^\d+$/.test(truth)) return answer === String(target) || answer === String(negativeTarget);
  return (
    [target, negativeTarget].some((node) =>
      new RegExp(`(?<![\\p{L}\\p{N}])${escapePattern(symbols[node] as string)}(?![\\p{L}\\p{N}])`, 'iu').test(answer),
    ) && answer.toLowerCase().startsWith(truth.split(' ')[0]!.toLowerCase())
  );
}
