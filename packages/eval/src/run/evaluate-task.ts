import type { ReasoningExample } from '@subtext/data';
import { EvaluationError } from '../errors';
import { makeSampleRecord, type SampleRecord } from '../results/sample-record';
import type { SampleStore } from '../results/memory-samples';
import { sampleDocument } from '../tasks/evaluation-task';
import type { LoadedTask } from '../tasks/registry';

/** What a model answered to one question. */
export interface ModelAnswer {
  /** The whole output. */
  output: string;
  /** The text between the method's answer marks, for the task to score; null where the method found none. */
  answer: string | null;
  /** Generated tokens, stage tags and thinking tokens included. */
  generatedTokens: number;
  generatedTokensWithoutTags: number;
  /** Thinking tokens or continuous thoughts. */
  thoughts: number;
  /** Passes through the model for this question, the prompt's included. */
  forwardPasses: number;
}

/** A model that answers a task's questions. */
export interface AnsweringModel {
  /** Answers prompts, in order. */
  answer(options: { examples: readonly ReasoningExample[]; prompts: readonly string[] }): Promise<ModelAnswer[]>;
}

/** Where an evaluation stands. */
export interface EvaluationProgress {
  done: number;
  total: number;
  correct: number;
  unparseable: number;
  failed: number;
}

/** Options of {@link evaluateTask}. */
export interface EvaluateTaskOptions {
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  model: AnsweringModel;
  /** The samples file; what it holds is not run again. */
  file: SampleStore;
  /** Questions answered side by side. @default 32 */
  batch?: number;
  /** Settings of generation, kept with each sample. @default {} */
  generation?: Record<string, unknown>;
  /** Whether an error belongs to one sample, which then counts as failed, and not to the run. @default {@link isSampleFault} */
  isSampleFault?: (error: unknown) => boolean;
  /** The examples that are run, by their places. @default all */
  part?: (index: number) => boolean;
  /** Called after each batch. @default none */
  onProgress?: (progress: EvaluationProgress) => void;
  /** Stops between batches; finished samples are kept. */
  signal?: AbortSignal;
}

/**
 * Runs a task's examples through a model, batch by batch in the data's order, and writes each finished
 * sample at once. Finished samples of a broken run are not run again. A sample that cannot be run (a
 * missing image, a question over the context) is written with its error, counts as wrong and is counted.
 *
 * @returns all samples of the part in the data's order, those of earlier starts among them.
 * @throws EvaluationError invalid-result-file where the file holds samples of other data.
 */
export async function evaluateTask({
  loaded,
  model,
  file,
  batch = 32,
  generation = {},
  isSampleFault: isFault = isSampleFault,
  part = () => true,
  onProgress,
  signal,
}: EvaluateTaskOptions): Promise<SampleRecord[]> {
  const { task, examples } = loaded;
  const known = new Set(examples.map(({ id }) => id));
  const foreign = [...file.finished.keys()].find((id) => !known.has(id));
  if (foreign !== undefined) {
    throw new EvaluationError({
      code: 'invalid-result-file',
      message: `${file.path} holds a sample "${foreign}" that is not in the data; give another output folder.`,
    });
  }
  const waiting = examples
    .map((example, index) => ({ example, index }))
    .filter(({ example, index }) => part(index) && !file.finished.has(example.id));
  const own = examples.filter((_, index) => part(index));
  const report = () => {
    const finished = [...file.finished.values()];
    onProgress?.({
      done: finished.length,
      total: own.length,
      correct: finished.filter((sample) => sample[task.metrics[0]?.name ?? ''] === 1).length,
      unparseable: finished.filter((sample) => sample.unparseable).length,
      failed: finished.filter((sample) => sample.error !== undefined).length,
    });
  };
  for (let start = 0; start < waiting.length; start += batch) {
    signal?.throwIfAborted();
    const group = waiting.slice(start, start + batch);
    for (const record of await runGroup({ group, loaded, model, generation, isFault })) await file.append(record);
    report();
  }
  return own.map(({ id }) => file.finished.get(id) as SampleRecord);
}

type Group = { example: ReasoningExample; index: number }[];

async function runGroup({
  group,
  loaded,
  model,
  generation,
  isFault,
}: {
  group: Group;
  loaded: Pick<LoadedTask, 'task'>;
  model: AnsweringModel;
  generation: Record<string, unknown>;
  isFault: (error: unknown) => boolean;
}): Promise<SampleRecord[]> {
  const { task } = loaded;
  const prompts = group.map(({ example }) => task.prompt(example));
  const begun = performance.now();
  let answers: ModelAnswer[];
  try {
    answers = await model.answer({ examples: group.map(({ example }) => example), prompts });
  } catch (error) {
    if (!isFault(error)) throw error;
    if (group.length === 1)
      return [
        failedRecord({
          ...(group[0] as Group[number]),
          loaded,
          generation,
          error,
          seconds: (performance.now() - begun) / 1000,
        }),
      ];
    // One of the batch cannot be run: alone each shows whether it is the one.
    const records: SampleRecord[] = [];
    for (const one of group) records.push(...(await runGroup({ group: [one], loaded, model, generation, isFault })));
    return records;
  }
  if (answers.length !== group.length) {
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `The model returned ${answers.length} answers to ${group.length} questions; it must return one a question, in order.`,
    });
  }
  const seconds = (performance.now() - begun) / 1000 / group.length;
  return group.map(({ example, index }, place) => {
    const answer = answers[place] as ModelAnswer;
    const score = task.score({ prediction: answer.answer, example });
    return makeSampleRecord({
      index,
      id: example.id,
      document: sampleDocument(example),
      target: example.answer,
      prompt: prompts[place] as string,
      generation,
      output: answer.output,
      extracted: score.extracted,
      filter: task.filter ?? 'none',
      scores: score.scores,
      ...filtered({ task, output: answer.output, example }),
      unparseable: !score.parseable,
      generatedTokens: answer.generatedTokens,
      generatedTokensWithoutTags: answer.generatedTokensWithoutTags,
      thoughts: answer.thoughts,
      forwardPasses: answer.forwardPasses,
      seconds,
    });
  });
}

/** What the task's further rules take from an output; nothing from a sample that failed. */
function filtered({
  task,
  output,
  example,
}: {
  task: LoadedTask['task'];
  output: string | null;
  example: ReasoningExample;
}): Pick<SampleRecord, 'filters'> {
  if (task.filters === undefined) return {};
  return {
    filters: Object.fromEntries(
      task.filters.map((filter) => [
        filter.name,
        output === null ? { extracted: null, correct: false } : filter.score({ output, example }),
      ]),
    ),
  };
}

function failedRecord({
  example,
  index,
  loaded,
  generation,
  error,
  seconds,
}: Group[number] & {
  loaded: Pick<LoadedTask, 'task'>;
  generation: Record<string, unknown>;
  error: unknown;
  seconds: number;
}): SampleRecord {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const { scores } = loaded.task.score({ prediction: null, example });
  return makeSampleRecord({
    index,
    id: example.id,
    document: sampleDocument(example),
    target: example.answer,
    prompt: loaded.task.prompt(example),
    generation,
    output: '',
    extracted: null,
    filter: loaded.task.filter ?? 'none',
    scores,
    ...filtered({ task: loaded.task, output: null, example }),
    // It wrote nothing, so that nothing was unparseable: failed samples are counted on their own.
    unparseable: false,
    error: { code: typeof code === 'string' ? code : 'unknown', message: String(message) },
    generatedTokens: 0,
    generatedTokensWithoutTags: 0,
    thoughts: 0,
    forwardPasses: 0,
    seconds,
  });
}

/** Codes of the packages below that speak of one question or picture, not of the model or machine. */
const sampleFaults = new Set([
  'image-missing',
  'image-broken',
  'image-too-large',
  'image-invalid',
  'image-outside-folder',
  'too-many-positions',
  'example-too-long',
]);

/** True for errors of one picture or question: a missing or broken image, a question over the context. */
export function isSampleFault(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && sampleFaults.has(error.code);
}
