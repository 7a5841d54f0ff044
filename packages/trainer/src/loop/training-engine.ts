import { startWorkers } from '@subtext/core/node';
import { engineCapabilities, engineName } from '@subtext/tensor';

import { createEngineTask } from '../optimizer/engine-task';
import { createTrainingTask, type StepRequest, type StepResult } from '../parallel/training-task';
import { type SharedState, sumLosses } from '../parallel/shared-state';
import type { TrainingWorkerOptions } from '../parallel/training-worker';
import type { ObjectiveUse } from '../objectives/objective';
import type { ProgramOptions } from '../program/program';
import type { ProgramModule, TrainingProgram } from '../program/training-program';

/** A program that can be built here and in workers. */
export interface ProgramSource {
  /** URL of the module that exports `createProgram`. */
  module: string;
  /** Given to `createProgram`; must be cloneable. */
  options: unknown;
}

/** What carries out the steps: worker threads, or this thread. */
export interface TrainingEngine {
  step(request: StepRequest): Promise<StepResult>;
  /** The loss of one batch with the weights as they are, without a gradient: the sum over its shards. */
  evaluate(request: { shards: unknown[] }): Promise<number>;
  /** Brings weights and moments to the shared state, which may be behind while they live on the engine. */
  store(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Threads to train with unless asked otherwise: none beside this one where the engine uses every core from it and the model is
 * not small, else one for each shard that has a processor.
 */
export function defaultWorkers({
  shards,
  processors,
  parameters = Infinity,
}: {
  shards: number;
  processors: number;
  /** Of the model. @default many */
  parameters?: number;
}): number {
  const { threads, workersUpTo = 0 } = engineCapabilities();
  return threads === 'all' && parameters > workersUpTo ? 0 : Math.min(shards, processors);
}

/** The built module beside this one; sources run only in tests, which take the built one too. */
function builtModule(name: string): string {
  return new URL(import.meta.url.endsWith('.ts') ? `../../dist/${name}.js` : `./${name}.js`, import.meta.url).href;
}

/** The module of the program that trains a model on objectives: `ProgramSource.module`. */
export const programModule = builtModule('program');

/** The source of a program that trains a model on objectives. What they have for the first thread alone stays there. */
export function programSource({
  objectives,
  ...options
}: Omit<ProgramOptions, 'objectives'> & {
  /** @default next-token cross-entropy */ objectives?: readonly ObjectiveUse[];
}): ProgramSource {
  const made = objectives?.map(({ name, options: own }) => ({ name, ...(own !== undefined && { options: own }) }));
  return { module: programModule, options: { ...options, ...(made && { objectives: made }) } satisfies ProgramOptions };
}

/** Builds the program in this thread. */
export async function createProgram({ module, options }: ProgramSource): Promise<TrainingProgram> {
  return ((await import(module)) as ProgramModule).createProgram(options);
}

/** Starts the workers with the shared state. */
export async function startTrainingEngine({
  source,
  program,
  state,
  workers,
}: {
  source: ProgramSource;
  /** This thread's copy; used for the steps when `workers` is 0. */
  program: TrainingProgram;
  state: SharedState;
  /** Threads; 0 computes in this thread. */
  workers: number;
}): Promise<TrainingEngine> {
  if (workers === 0 && engineCapabilities().trainingState === 'engine') {
    const task = createEngineTask({ program, state });
    task.load();
    return {
      step: task.step,
      async evaluate(request) {
        await task.evaluate(request);
        return sumLosses(state);
      },
      store: task.store,
      close: async () => task.close(),
    };
  }
  if (workers === 0) {
    const task = createTrainingTask({ program, state });
    task.load();
    return {
      step: async (request) => task.step(request),
      async evaluate(request) {
        task.evaluate(request);
        return sumLosses(state);
      },
      store: async () => undefined,
      close: async () => undefined,
    };
  }
  const pool = await startWorkers({
    count: workers,
    start: (worker) => ({
      module: builtModule('training-worker'),
      options: {
        engine: engineName(),
        programModule: source.module,
        programOptions: source.options,
        state,
        worker,
        workers,
      } satisfies TrainingWorkerOptions,
    }),
  });
  /** A worker needs only its own shards. */
  const shardsOf = (shards: unknown[], worker: number) =>
    shards.map((shard, index) => (index % workers === worker ? shard : undefined));
  return {
    async step(request) {
      const results = await pool.callAll<StepResult>({
        method: 'step',
        payload: (worker) => ({ ...request, shards: shardsOf(request.shards, worker) }),
      });
      return results[0]!;
    },
    async evaluate({ shards }) {
      await pool.callAll({ method: 'evaluate', payload: (worker) => ({ shards: shardsOf(shards, worker) }) });
      return sumLosses(state);
    },
    store: async () => undefined,
    close: () => pool.close(),
  };
}
