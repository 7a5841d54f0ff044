import { parseJson } from '@subtext/core';
import { readTextFile, writeFileAtomically } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import {
  ThinkingPool,
  type AnswerSummary,
  explanationRequests,
  type ExplanationScore,
  hashExamples,
  type EvaluationTask,
  scoreAnswers,
  scoreExplanations,
  summarizeAnswers,
  type ThoughtCondition,
  thoughtConditions,
} from '@subtext/eval';
import type { Answer } from '@subtext/reasoner';
import type { Output } from '@subtext/terminal';
import { basename, join } from 'node:path';

/** One unseen question with what the model made of it. */
export interface EvaluatedExample extends Pick<Answer, 'text' | 'answer' | 'stages' | 'tokens' | 'finished'> {
  id: string;
  question: string;
  expected: string;
  /** By the same rule as the summary's accuracy. */
  correct: boolean;
  image?: string;
  /** By stage: the explanation of the example's own thought. */
  explanations: Record<string, string>;
}

/** What an evaluation found; saved as `evaluation.json` beside the run. */
export interface RunEvaluation {
  /** Raised when this file changes its shape. */
  format: 3;
  /** Of the run and of what was asked, pictures included, so that an evaluation is repeated exactly where one of them changed. */
  fingerprint: string;
  summary: AnswerSummary;
  /** By stage and condition; a condition that no example has is left out, such as another's thought where none has as many. */
  explanations: Record<string, Partial<Record<ThoughtCondition, ExplanationScore>>>;
  /** Milliseconds an answer alone takes, one question after the other: the median. */
  singleMilliseconds: number;
  /** Seconds that the whole evaluation took, explanations included. */
  secondsTotal?: number;
  examples: EvaluatedExample[];
}

/** Questions answered one by one, for the time that one answer takes. */
const SINGLE_ANSWERS = 20;

/** Answers a set of unseen examples with a trained run, explains its thoughts under every condition, and scores both. */
export async function evaluateRun({
  method,
  folder,
  reasoner,
  interpreters,
  task,
  examples,
  workers,
  output,
  signal,
}: {
  /** The name that tables give it. */
  method: string;
  /** The run's folder. */
  folder: string;
  reasoner: string;
  interpreters: readonly string[];
  /** Says what is right, as `subtext eval run` says it of the same answers. */
  task: EvaluationTask;
  examples: readonly ReasoningExample[];
  workers: number;
  output: Output;
  signal?: AbortSignal;
}): Promise<RunEvaluation> {
  const { fingerprint } = JSON.parse(await readTextFile({ path: join(folder, 'finished.json') })) as {
    fingerprint: string;
  };
  const key = `${fingerprint}/${await hashExamples(examples)}`;
  const path = join(folder, 'evaluation.json');
  const kept = await readKept({ path, key });
  if (kept !== undefined) return kept;

  const started = performance.now();
  const pool = await ThinkingPool.start({ reasoner, interpreters, workers });
  try {
    const questions = examples.map(({ question, image }) => ({ question, imagePath: image?.path }));
    // The first answers, alone and side by side, warm the engine up: they are not timed, and leave the other pictures unseen.
    const first = questions.slice(0, 1);
    for (const batchSize of [1, 64])
      await pool.think({
        questions: Array.from({ length: 2 * Math.max(1, workers) * batchSize }, () => first).flat(),
        batchSize,
        signal,
      });
    const began = performance.now();
    const answers = await pool.think({
      questions,
      signal,
      onProgress: ({ done, total }) => output.progress({ label: `${method}: unseen questions`, done, total }),
    });
    const seconds = (performance.now() - began) / 1000;
    const times: number[] = [];
    for (const question of questions.slice(0, SINGLE_ANSWERS)) {
      const start = performance.now();
      await pool.think({ questions: [question], batchSize: 1, signal });
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);

    const explanations: RunEvaluation['explanations'] = {};
    const words: Record<string, string>[] = examples.map(() => ({}));
    const hidden =
      interpreters.length > 0
        ? [...new Set(answers.flatMap(({ thoughts }) => thoughts.map(({ stage }) => stage)))]
        : [];
    for (const [index, stage] of hidden.entries()) {
      const interpreter = interpreters.length === 1 ? 0 : interpreters.findIndex((name) => basename(name) === stage);
      if (interpreter < 0) continue;
      const scores: RunEvaluation['explanations'][string] = {};
      for (const condition of thoughtConditions) {
        const { indices, requests } = explanationRequests({ answers, examples, stage, condition });
        if (indices.length === 0) continue;
        const asked = requests.flatMap((request) => request ?? []);
        const written = asked.length === 0 ? [] : await pool.explain({ interpreter, requests: asked, signal });
        // An example whose response lacks the stage cannot be explained; it counts as an empty text.
        let next = 0;
        const texts = requests.map((request) => (request === null ? '' : written[next++]!));
        scores[condition] = scoreExplanations({
          explanations: texts,
          stage,
          examples: indices.map((place) => examples[place]!),
        });
        if (condition === 'own')
          for (const [place, text] of texts.entries())
            if (requests[place] !== null) words[indices[place]!]![stage] = text;
      }
      if (Object.keys(scores).length > 0) explanations[stage] = scores;
      output.progress({ label: `${method}: explaining thoughts`, done: index + 1, total: hidden.length });
    }
    output.endProgress();
    const scores = scoreAnswers({ task, answers, examples });
    const evaluation: RunEvaluation = {
      format: 3,
      fingerprint: key,
      summary: summarizeAnswers({ method, task, answers, examples, seconds }),
      explanations,
      secondsTotal: (performance.now() - started) / 1000,
      singleMilliseconds: times[Math.floor(times.length / 2)]!,
      examples: examples.map((example, index) => {
        const { id, question, answer: expected, image } = example;
        const { text, answer, stages, tokens, finished } = answers[index]!;
        return {
          id,
          question,
          expected,
          correct: scores[index]!.correct,
          image: image?.path,
          text,
          answer,
          stages,
          tokens,
          finished,
          explanations: words[index]!,
        };
      }),
    };
    await writeFileAtomically({ path, data: JSON.stringify(evaluation) });
    return evaluation;
  } finally {
    await pool.close();
  }
}

/** An evaluation of the same run and examples that an earlier start wrote; undefined for none, and for a file that is no such. */
async function readKept({ path, key }: { path: string; key: string }): Promise<RunEvaluation | undefined> {
  try {
    const kept = parseJson({
      text: await readTextFile({ path, maximumBytes: 2 ** 30 }),
      name: path,
    }) as Partial<RunEvaluation> | null;
    const whole =
      kept?.format === 3 &&
      kept.fingerprint === key &&
      typeof kept.summary?.accuracy === 'number' &&
      Array.isArray(kept.examples) &&
      typeof kept.explanations === 'object' &&
      typeof kept.singleMilliseconds === 'number';
    return whole ? (kept as RunEvaluation) : undefined;
  } catch {
    // Whatever is wrong with it, it is made anew.
    return undefined;
  }
}
