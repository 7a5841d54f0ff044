import { parseJson } from '@subtext/core';
import { readTextFile, writeFileAtomically } from '@subtext/core/node';
import { encodePng, type ReasoningExample } from '@subtext/data';
import { Drawer } from '@subtext/decoder';
import type { Answer } from '@subtext/reasoner';

import { hashExamples } from '../results/content-hash';
import { memorySamples } from '../results/memory-samples';
import { type AnsweringModel, evaluateTask } from '../run/evaluate-task';
import type { EvaluationListener } from '../run/evaluation-event';
import { answersOf } from '../run/reasoner-model';
import type { LoadedTask } from '../tasks/registry';
import { type Drawings, evaluateDrawings } from './evaluate-drawings';
import { type Explanations, explainThoughts } from './explain-thoughts';
import { type AnswerSummary, summarizeSamples } from './summarize-samples';
import { ThinkingPool } from './thinking-pool';

/** One unseen question with what the model made of it. */
export interface ThinkingSample extends Pick<Answer, 'text' | 'answer' | 'stages' | 'tokens' | 'finished'> {
  id: string;
  question: string;
  expected: string;
  /** By the same rule as the summary's accuracy. */
  correct: boolean;
  image?: string;
  /** By stage: the explanation of the example's own thought. */
  explanations: Record<string, string>;
  /** What was drawn of its thoughts, as a data address of a PNG file: of the first right and the first wrong examples. */
  drawing?: string;
}

/** What an evaluation of answers and thoughts found. */
export interface ThinkingEvaluation {
  /** Raised when this file changes its shape. */
  format: 3;
  /** Of the run and of what was asked, pictures included, so that an evaluation is repeated exactly where one of them changed. */
  fingerprint: string;
  summary: AnswerSummary;
  /** By stage and condition; a condition that no example has is left out, such as another's thought where none has as many. */
  explanations: Explanations['scores'];
  /** How well a drawer draws the thoughts; absent without one. */
  drawings?: Pick<Drawings, 'stage' | 'scores'>;
  /** Milliseconds an answer alone takes, one question after the other: the median. */
  singleMilliseconds: number;
  /** Seconds that the whole evaluation took, explanations included. */
  secondsTotal?: number;
  examples: ThinkingSample[];
}

/** Options of {@link evaluateThinking}. */
export interface EvaluateThinkingOptions {
  /** The name that tables give the method. */
  method: string;
  /** The file that keeps the evaluation. */
  path: string;
  /** Of the run that is evaluated; with the questions' hash it says whether what is kept still holds. */
  fingerprint: string;
  /** The model's folder. */
  reasoner: string;
  /** The interpreters' folders. */
  interpreters: readonly string[];
  /** The folder of a drawer of its thoughts. @default none */
  drawer?: string;
  /** What is asked. */
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  /** Threads; 0 computes in this one. */
  workers: number;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}

/** Right and wrong examples, of each the first, whose drawings are kept. */
const KEPT_DRAWINGS = 24;

/** Questions answered one by one, for the time that one answer takes. */
const SINGLE_ANSWERS = 20;

/**
 * Answers a task's questions on several threads, times the answers, explains the thoughts under every condition, and keeps
 * all of it in a file: what the file has of the same run and questions is not measured again.
 */
export async function evaluateThinking({
  method,
  path,
  fingerprint,
  reasoner,
  interpreters,
  drawer,
  loaded,
  workers,
  onEvent,
  signal,
}: EvaluateThinkingOptions): Promise<ThinkingEvaluation> {
  const { task, examples } = loaded;
  const key = `${fingerprint}/${await hashExamples(examples)}`;
  const kept = await readKept({ path, key });
  if (kept !== undefined) return kept;

  const started = performance.now();
  const pool = await ThinkingPool.start({ reasoner, interpreters, workers });
  const progress = (label: string) => (at: { done: number; total: number }) =>
    onEvent?.({ event: 'progress', label: `${method}: ${label}`, ...at });
  try {
    const asked = (example: ReasoningExample) => ({ question: task.prompt(example), imagePath: example.image?.path });
    // The first answers, alone and side by side, warm the engine up: they are not timed, and leave the other pictures unseen.
    const first = examples.slice(0, 1).map(asked);
    for (const batchSize of [1, 64])
      await pool.think({
        questions: Array.from({ length: 2 * Math.max(1, workers) * batchSize }, () => first).flat(),
        batchSize,
        signal,
      });
    const answerOf = new Map<ReasoningExample, Answer>();
    let seconds = 0;
    const model: AnsweringModel = {
      async answer({ examples: group }) {
        const began = performance.now();
        const answers = await pool.think({
          questions: group.map(asked),
          signal,
          onProgress: progress('unseen questions'),
        });
        seconds += (performance.now() - began) / 1000;
        for (const [index, example] of group.entries()) answerOf.set(example, answers[index]!);
        return answersOf(answers);
      },
    };
    const samples = await evaluateTask({
      loaded,
      model,
      file: memorySamples(),
      batch: examples.length,
      signal,
      // All questions are of one set: one that cannot be asked ends the evaluation.
      isSampleFault: () => false,
    });
    const answers = examples.map((example) => answerOf.get(example)!);
    const times: number[] = [];
    for (const example of examples.slice(0, SINGLE_ANSWERS)) {
      const start = performance.now();
      await pool.think({ questions: [asked(example)], batchSize: 1, signal });
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    const { scores, words } = await explainThoughts({
      pool,
      interpreters,
      answers,
      examples,
      onProgress: progress('explaining thoughts'),
      signal,
    });
    const drawings = drawer === undefined ? undefined : await drawAll({ folder: drawer, answers, examples });
    const metric = task.metrics[0]!.name;
    const correct = samples.map((sample) => sample[metric] === 1);
    const kept = [true, false].flatMap((right) =>
      [...correct.keys()].filter((index) => correct[index] === right).slice(0, KEPT_DRAWINGS),
    );
    const drawingOf = (index: number) => {
      const picture = kept.includes(index) ? drawings?.pictures[index] : undefined;
      return picture ? `data:image/png;base64,${Buffer.from(encodePng(picture)).toString('base64')}` : undefined;
    };
    const evaluation: ThinkingEvaluation = {
      format: 3,
      fingerprint: key,
      summary: summarizeSamples({ method, metric, samples, seconds }),
      explanations: scores,
      ...(drawings && { drawings: { stage: drawings.stage, scores: drawings.scores } }),
      secondsTotal: (performance.now() - started) / 1000,
      singleMilliseconds: times[Math.floor(times.length / 2)]!,
      examples: examples.map(({ id, question, answer: expected, image }, index) => {
        const { text, answer, stages, tokens, finished } = answers[index]!;
        return {
          id,
          question,
          expected,
          correct: correct[index]!,
          image: image?.path,
          text,
          answer,
          stages,
          tokens,
          finished,
          explanations: words[index]!,
          drawing: drawingOf(index),
        };
      }),
    };
    await writeFileAtomically({ path, data: JSON.stringify(evaluation) });
    return evaluation;
  } finally {
    await pool.close();
  }
}

async function drawAll({
  folder,
  ...given
}: { folder: string } & Omit<Parameters<typeof evaluateDrawings>[0], 'drawer'>): Promise<Drawings> {
  const drawer = await Drawer.load({ folder });
  try {
    return await evaluateDrawings({ drawer, ...given });
  } finally {
    drawer.dispose();
  }
}

/** An evaluation of the same run and examples that an earlier start wrote; undefined for none, and for a file that is no such. */
async function readKept({ path, key }: { path: string; key: string }): Promise<ThinkingEvaluation | undefined> {
  try {
    const kept = parseJson({
      text: await readTextFile({ path, maximumBytes: 2 ** 30 }),
      name: path,
    }) as Partial<ThinkingEvaluation> | null;
    const whole =
      kept?.format === 3 &&
      kept.fingerprint === key &&
      typeof kept.summary?.accuracy === 'number' &&
      Array.isArray(kept.examples) &&
      typeof kept.explanations === 'object' &&
      typeof kept.singleMilliseconds === 'number';
    return whole ? (kept as ThinkingEvaluation) : undefined;
  } catch {
    // Whatever is wrong with it, it is made anew.
    return undefined;
  }
}
