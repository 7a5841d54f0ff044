import type { ReasoningExample } from '@subtext/data';
import { EvaluationError } from '../../errors';
import { readRecords, RecordFile } from '../../results/record-file';
import { isRecord } from '../../results/result-schema';
import type { SampleRecord } from '../../results/sample-record';
import type { EvaluationTask } from '../evaluation-task';
import type { JudgeEndpoint } from './judge-endpoint';

/** One line of a file of judgements. */
export interface Judgement {
  id: string;
  scores: Record<string, number>;
  extracted: string | null;
  /** Who judged: the rules, the model's name, or `none` where no reply could be read. */
  by: string;
  /** The judge's replies. */
  replies: string[];
}

/** What {@link judgeSamples} gives. */
export interface JudgedSamples {
  /** The samples with the judge's scores. */
  samples: SampleRecord[];
  byRules: number;
  byJudge: number;
  /** Samples of which no reply could be read in any try; they score as no answer. */
  unreadable: number;
}

/**
 * Scores a task's samples by rules and, where they cannot, by a judge, and writes each judgement as it
 * comes. Where the endpoint fails, what is judged stays in the file, and a further call resumes after it.
 *
 * @throws EvaluationError judge-missing for a task that needs a judge without one; judge-failed where the endpoint fails.
 */
export async function judgeSamples({
  task,
  samples,
  examples,
  judge,
  path,
  parallel = 4,
  tries = 5,
  onProgress,
  signal,
}: {
  task: EvaluationTask;
  samples: readonly SampleRecord[];
  /** The task's examples, with the samples' ids. */
  examples: readonly ReasoningExample[];
  /** @default none: refused where a task needs one */
  judge?: JudgeEndpoint;
  /** The file of judgements, new or begun. */
  path: string;
  /** Requests at once. @default 4 */
  parallel?: number;
  /** Times an unreadable reply is asked for again, each at a temperature half higher. @default 5 */
  tries?: number;
  /** Called after each judgement. @default none */
  onProgress?: (progress: { done: number; total: number }) => void;
  /** Stops between judgements; those that are made are kept. */
  signal?: AbortSignal;
}): Promise<JudgedSamples> {
  const step = task.judge;
  if (step === undefined)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `Task "${task.name}" needs no judge; its scores are in the samples.`,
    });
  const endpoint = requireJudge({ task, judge });
  const byId = new Map(examples.map((example) => [example.id, example]));
  const file = await RecordFile.open<Judgement>({ path, isRecord: (value) => isJudgement(value, step.metrics) });
  try {
    const waiting = samples.filter(({ id }) => !file.finished.has(id));
    let done = samples.length - waiting.length;
    let failure: unknown;
    const work = async () => {
      for (let sample = waiting.shift(); sample !== undefined && failure === undefined; sample = waiting.shift()) {
        try {
          signal?.throwIfAborted();
          const example = byId.get(sample.id);
          if (example === undefined)
            throw new EvaluationError({
              code: 'unpaired-samples',
              message: `Sample "${sample.id}" has no example in task "${task.name}"; give the data that the samples were made with.`,
            });
          await file.append(await judgeOne({ step, sample, example, judge: endpoint, tries, signal }));
          onProgress?.({ done: ++done, total: samples.length });
        } catch (error) {
          failure ??= error;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, parallel) }, work));
    if (failure !== undefined) throw failure;
    const judged = samples.map((sample) => applyJudgement(sample, file.finished.get(sample.id) as Judgement));
    const by = (test: (by: string) => boolean) =>
      samples.filter(({ id }) => test((file.finished.get(id) as Judgement).by)).length;
    return {
      samples: judged,
      byRules: by((name) => name === 'rules'),
      byJudge: by((name) => name === endpoint.model),
      unreadable: by((name) => name === 'none'),
    };
  } finally {
    await file.close();
  }
}

/**
 * The judge that a task needs.
 *
 * @throws EvaluationError judge-missing where it is not given. Call it before the samples are made.
 */
export function requireJudge({ task, judge }: { task: EvaluationTask; judge?: JudgeEndpoint }): JudgeEndpoint {
  if (judge === undefined) {
    throw new EvaluationError({
      code: 'judge-missing',
      message: `Task "${task.name}" is scored by a judge, and none is given; name an OpenAI-compatible endpoint and its model, such as http://localhost:8000/v1.`,
    });
  }
  return judge;
}

async function judgeOne({
  step,
  sample,
  example,
  judge,
  tries,
  signal,
}: {
  step: NonNullable<EvaluationTask['judge']>;
  sample: SampleRecord;
  example: ReasoningExample;
  judge: JudgeEndpoint;
  tries: number;
  signal?: AbortSignal;
}): Promise<Judgement> {
  const prediction = sample.filtered_resps[0] ?? null;
  // No answer needs no judge: it is wrong.
  if (prediction === null || sample.error !== undefined)
    return { id: sample.id, scores: step.none, extracted: null, by: 'rules', replies: [] };
  const ruled = step.byRules({ prediction, example });
  if (ruled !== null) return { id: sample.id, ...ruled, by: 'rules', replies: [] };
  const prompt = step.prompt({ prediction, example });
  const replies: string[] = [];
  for (let attempt = 0; attempt < tries; attempt++) {
    const reply = await judge.complete({
      prompt,
      temperature: attempt * 0.5,
      ...(signal === undefined ? {} : { signal }),
    });
    replies.push(reply);
    const read = step.read({ reply, example });
    if (read !== null) return { id: sample.id, ...read, by: judge.model, replies };
  }
  return { id: sample.id, scores: step.none, extracted: null, by: 'none', replies };
}

function applyJudgement(sample: SampleRecord, judgement: Judgement): SampleRecord {
  return {
    ...sample,
    ...judgement.scores,
    metrics: [...new Set([...sample.metrics, ...Object.keys(judgement.scores)])],
    judged_by: judgement.by,
    judged_answer: judgement.extracted,
  };
}

/** Whether a line is a judgement by this task's metrics, and can be put to its sample. */
function isJudgement(value: unknown, metrics: readonly string[]): boolean {
  if (!isRecord(value)) return false;
  const { scores, extracted, by, replies } = value;
  return (
    isRecord(scores) &&
    metrics.length === Object.keys(scores).length &&
    metrics.every((metric) => Object.hasOwn(scores, metric) && Number.isFinite(scores[metric])) &&
    (extracted === null || typeof extracted === 'string') &&
    typeof by === 'string' &&
    Array.isArray(replies) &&
    replies.every((reply) => typeof reply === 'string')
  );
}

/**
 * Samples with the scores of a file of judgements that an earlier run wrote, such as for a comparison.
 *
 * @throws EvaluationError invalid-result-file for a broken file, or a sample that is not judged
 */
export async function readJudgedSamples({
  samples,
  path,
  metrics,
}: {
  samples: readonly SampleRecord[];
  path: string;
  /** That the judge gives. */ metrics: readonly string[];
}): Promise<SampleRecord[]> {
  const judgements = new Map(
    (await readRecords<Judgement>({ path, isRecord: (value) => isJudgement(value, metrics) })).map((one) => [
      one.id,
      one,
    ]),
  );
  return samples.map((sample) => {
    const judgement = judgements.get(sample.id);
    if (judgement === undefined)
      throw new EvaluationError({
        code: 'invalid-result-file',
        message: `${path} has no judgement of the sample "${sample.id}"; resume the run, so that all are judged.`,
      });
    return applyJudgement(sample, judgement);
  });
}
