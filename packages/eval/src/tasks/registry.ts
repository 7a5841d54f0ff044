import { join } from 'node:path';
import type { FaultReport, ReasoningExample } from '@subtext/data';
import { EvaluationError } from '../errors';
import { hashFile } from '../results/content-hash';
import { ai2d } from './ai2d';
import type { EvaluationTask } from './evaluation-task';
import { gsm8k } from './gsm8k';
import { gsm8kAug } from './gsm8k-aug';
import { hallusionbench } from './hallusionbench';
import { mathvista } from './mathvista';
import { mmVet } from './mm-vet';
import { mmbench } from './mmbench';
import { mmstar } from './mmstar';
import { multiplication } from './multiplication';
import { nlvr } from './nlvr';
import { prontoqa } from './prontoqa';
import { prosqa } from './prosqa';
import { askedGraph, prosqaGraph } from './prosqa-graph';
import { scenes } from './scenes';
import { tabmwp } from './tabmwp';

/** Every task. A new task is one file and one line here. */
const tasks: EvaluationTask[] = [
  prosqa,
  prosqaGraph,
  prontoqa,
  gsm8k,
  gsm8kAug,
  multiplication,
  scenes,
  nlvr,
  tabmwp,
  mmstar,
  mmbench,
  mmVet,
  mathvista,
  ai2d,
  hallusionbench,
];

/** Every task, registered ones included. */
export const evaluationTasks: readonly EvaluationTask[] = tasks;

/** Adds a task, which is then asked by its name. @throws EvaluationError invalid-option where the name is taken */
export function registerTask(task: EvaluationTask): void {
  if (tasks.some(({ name }) => name === task.name)) {
    throw new EvaluationError({
      code: 'invalid-option',
      message: `There is a task "${task.name}" already; give another name to the one that is registered.`,
    });
  }
  tasks.push(task);
}

/** The task of a name. @throws EvaluationError unknown-task */
export function findTask(name: string): EvaluationTask {
  const task = evaluationTasks.find((one) => one.name === name);
  if (task === undefined) {
    throw new EvaluationError({
      code: 'unknown-task',
      message: `There is no task "${name}"; choose from ${evaluationTasks.map((one) => one.name).join(', ')}.`,
    });
  }
  return task;
}

/** Refuses a task with pictures for a model without a vision encoder. @throws EvaluationError task-model-mismatch */
export function checkTaskFitsModel({
  task,
  examples = [],
  model,
}: {
  task: EvaluationTask;
  /** What is asked, where the task has pictures only if its data has. @default none */
  examples?: readonly ReasoningExample[];
  model: { name: string; seesImages: boolean };
}): void {
  if (model.seesImages || task.modality === 'text') return;
  if (task.modality === 'image' || examples.some(({ image }) => image !== undefined)) {
    throw new EvaluationError({
      code: 'task-model-mismatch',
      message: `Task "${task.name}" asks about pictures, but the model ${model.name} reads text only; choose a ${task.modality === 'image' ? 'task of text' : 'set without pictures (or ask it without: --no-images)'}, or a model that sees.`,
    });
  }
}

/**
 * A set asked as graphs of node numbers, for a reasoner that was trained on graphs (its method is `graph`).
 *
 * @throws EvaluationError invalid-task-data where an example has no graph
 */
export function askedAsGraphs(loaded: LoadedTask): LoadedTask {
  const examples = loaded.examples.map((example) => {
    if (example.facts?.kind !== 'graph') {
      throw new EvaluationError({
        code: 'invalid-task-data',
        message: `This reasoner was trained on graphs, and example ${example.id} has none; give ProsQA data with edges, root and target (--format prosqa or coconut-json).`,
      });
    }
    return askedGraph({ example, facts: example.facts });
  });
  return {
    ...loaded,
    task: { ...loaded.task, prompt: prosqaGraph.prompt, score: prosqaGraph.score, filters: [] },
    examples,
  };
}

/** A task's examples in memory. */
export interface LoadedTask {
  task: EvaluationTask;
  examples: ReasoningExample[];
  /** Records that could not be read: count them, never pass over them. */
  faults: FaultReport;
  /** SHA-256 of the data file; null where it has none. */
  dataHash: string | null;
}

/**
 * Reads a task's examples.
 *
 * @throws DataError for a missing or malformed file; EvaluationError empty-set where nothing could be read, invalid-task-data for two examples of one id.
 */
export async function loadTask({
  task,
  path,
  limit,
  strict,
}: {
  task: EvaluationTask;
  path: string;
  /** @default all */ limit?: number;
  /** Whether a faulty record ends the reading. @default false */ strict?: boolean;
}): Promise<LoadedTask> {
  const stream = task.load({
    path,
    ...(limit === undefined ? {} : { limit }),
    ...(strict === undefined ? {} : { strict }),
  });
  const examples = await stream.toArray();
  const faults = stream.faults;
  if (examples.length === 0) {
    const first = faults.first[0];
    throw new EvaluationError({
      code: 'empty-set',
      message: `Task "${task.name}" has no example in ${path}${first === undefined ? '' : `: ${faults.dropped} records are faulty, the first at line ${first.line}: ${first.message.replace(/\.$/, '')}`}. It expects ${task.dataDescription}.`,
    });
  }
  const ids = new Set<string>();
  for (const { id } of examples) {
    if (ids.has(id))
      throw new EvaluationError({
        code: 'invalid-task-data',
        message: `Two examples of ${path} have the id "${id}"; samples are told apart by it.`,
      });
    ids.add(id);
  }
  task.check?.(examples);
  // Of a folder, the file that is asked by default.
  const dataHash = await hashFile(path).catch(() => hashFile(join(path, 'test.jsonl')).catch(() => null));
  return { task, examples, faults, dataHash };
}
