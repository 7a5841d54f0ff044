import type { ReasoningExample } from '@subtext/data';
import { ThinkingPool } from '@subtext/decoder';
import { type AnswerSummary, explanationRequests, type ExplanationScore, scoreExplanations, summarizeAnswers, type ThoughtCondition, thoughtConditions } from '@subtext/eval';
import type { Output } from '@subtext/terminal';
import { type Answer, writeAtomically } from '@subtext/trainer';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One unseen question with what the model made of it. */
export interface EvaluatedExample extends Pick<Answer, 'text' | 'answer' | 'stages' | 'tokens' | 'finished'> {
  id: string;
  question: string;
  expected: string;
  image?: string;
  /** By stage: the explanation of the example's own thought. */
  explanations: Record<string, string>;
}

/** What an evaluation found; saved as `evaluation.json` beside the run. */
export interface RunEvaluation {
  /** The run's fingerprint, so that an evaluation is repeated only where the model changed. */
  fingerprint: string;
  summary: AnswerSummary;
  /** By stage and condition. */
  explanations: Record<string, Record<ThoughtCondition, ExplanationScore>>;
  /** Milliseconds an answer alone takes, one question after the other: the median. */
  singleMilliseconds: number;
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
  examples: readonly ReasoningExample[];
  workers: number;
  output: Output;
  signal?: AbortSignal;
}): Promise<RunEvaluation> {
  const { fingerprint } = JSON.parse(await readFile(join(folder, 'finished.json'), 'utf8')) as { fingerprint: string };
  const key = `${fingerprint}/${examples.length}`;
  const path = join(folder, 'evaluation.json');
  const kept = await readFile(path, 'utf8').then((text) => JSON.parse(text) as RunEvaluation, () => undefined);
  if (kept?.fingerprint === key) return kept;

  const pool = await ThinkingPool.start({ reasoner, interpreters, workers });
  try {
    const questions = examples.map(({ question, image }) => ({ question, imagePath: image?.path }));
    // The first answers, alone and side by side, warm the engine up: they are not timed, and leave the other pictures unseen.
    const first = questions.slice(0, 1);
    for (const batchSize of [1, 64]) await pool.think({ questions: Array.from({ length: 2 * Math.max(1, workers) * batchSize }, () => first).flat(), batchSize, signal });
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
    const hidden = interpreters.length > 0 ? [...new Set(answers.flatMap(({ thoughts }) => thoughts.map(({ stage }) => stage)))] : [];
    for (const [index, stage] of hidden.entries()) {
      // An example whose response lacks the stage cannot be explained; it counts as an empty text.
      const interpreter = interpreters.length === 1 ? 0 : interpreters.findIndex((name) => name.endsWith(stage));
      const scores: Partial<Record<ThoughtCondition, ExplanationScore>> = {};
      for (const condition of thoughtConditions) {
        const texts = await pool.explain({ interpreter, requests: explanationRequests({ answers, examples, stage, condition }), signal });
        scores[condition] = scoreExplanations({ explanations: texts, stage, examples });
        if (condition === 'own') for (const [example, text] of texts.entries()) words[example]![stage] = text;
      }
      explanations[stage] = scores as Record<ThoughtCondition, ExplanationScore>;
      output.progress({ label: `${method}: explaining thoughts`, done: index + 1, total: hidden.length });
    }
    output.endProgress();
    const evaluation: RunEvaluation = {
      fingerprint: key,
      summary: summarizeAnswers({ method, answers, examples, seconds }),
      explanations,
      singleMilliseconds: times[Math.floor(times.length / 2)]!,
      examples: examples.map(({ id, question, answer: expected, image }, index) => {
        const { text, answer, stages, tokens, finished } = answers[index]!;
        return { id, question, expected, image: image?.path, text, answer, stages, tokens, finished, explanations: words[index]! };
      }),
    };
    await writeAtomically({ path, data: JSON.stringify(evaluation) });
    return evaluation;
  } finally {
    await pool.close();
  }
}
