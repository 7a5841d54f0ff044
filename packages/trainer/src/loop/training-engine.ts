import { startWorkers, type WorkerPool } from '@subtext/core/node';
import { engineCapabilities, engineName } from '@subtext/tensor';

import { TrainerError } from '../errors';
import { createEngineTask } from '../optimizer/engine-task';
import type { Collective } from '../parallel/collective';
import type { RankExchange, SumOrder } from '../parallel/rank-exchange';
import { createRankedEngine, type StepParts } from '../parallel/ranked-engine';
import type { ReportNames } from '../parallel/shard-gradients';
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

/** How processes train together. */
export interface RankedTraining {
  collective: Collective;
  exchange: RankExchange;
  order: SumOrder;
  /** Whether each rank updates, and keeps the moments of, its own slice. */
  inParts: boolean;
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

/** Starts what carries out the steps. */
export async function startTrainingEngine({
  source,
  program,
  state,
  workers,
  ranks,
}: {
  source: ProgramSource;
  /** This thread's copy; used for the steps when `workers` is 0. */
  program: TrainingProgram;
  state: SharedState;
  /** Threads; 0 computes in this thread. */
  workers: number;
  /** The processes that train together, of which this is one. @default this one alone */
  ranks?: RankedTraining;
}): Promise<TrainingEngine> {
  const onEngine = workers === 0 && engineCapabilities().trainingState === 'engine';
  if (ranks) return startRankedEngine({ source, program, state, workers, ranks, onEngine });
  if (onEngine) {
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
  const pool = await startPool({ source, state, workers });
  return {
    async step(request) {
      const results = await pool.callAll<StepResult>({
        method: 'step',
        payload: (worker) => ({ ...request, shards: shardsOf({ shards: request.shards, worker, workers, state }) }),
      });
      return results[0]!;
    },
    async evaluate({ shards }) {
      await pool.callAll({
        method: 'evaluate',
        payload: (worker) => ({ shards: shardsOf({ shards, worker, workers, state }) }),
      });
      return sumLosses(state);
    },
    store: async () => undefined,
    close: () => pool.close(),
  };
}

async function startRankedEngine({
  source,
  program,
  state,
  workers,
  ranks: { collective, exchange, order, inParts },
  onEngine,
}: {
  source: ProgramSource;
  program: TrainingProgram;
  state: SharedState;
  workers: number;
  ranks: RankedTraining;
  onEngine: boolean;
}): Promise<TrainingEngine> {
  if (!engineCapabilities().synchronousReads)
    throw new TrainerError({
      code: 'invalid-option',
      message: `The engine ${engineName()} cannot train among ranks: its gradients cannot be read while they are computed. Take native, tensorflow or wasm.`,
    });
  const shared = { state, collective, exchange, order, inParts };
  if (workers === 0) {
    const task = createTrainingTask({ program, state, onReady: () => exchange.advance() });
    const { from, to } = state.share;
    const updates = ({ offset }: { offset: number }) => !inParts || (offset >= from && offset < to);
    const optimizer = onEngine ? createEngineTask({ program, state, updates }) : undefined;
    (optimizer ?? task).load();
    const parts: StepParts = {
      gradients: async (request) => task.gradients(request),
      reduce: async (request) => task.reduce(request),
      squares: async (request) => task.squares(request),
      update: async (request) => task.update(request),
      evaluate: async (request) => task.evaluate(request),
      load: async () => task.load(),
    };
    return createRankedEngine({
      ...shared,
      parts,
      beside: false,
      onEngine: optimizer,
      close: async () => optimizer?.close(),
    });
  }
  const pool = await startPool({ source, state, workers });
  const all = async <Result>(method: string, payload?: (worker: number) => unknown) =>
    (await pool.callAll<Result>({ method, payload }))[0]!;
  const parts: StepParts = {
    gradients: (request) =>
      all<ReportNames>('gradients', (worker) => ({
        ...request,
        shards: shardsOf({ shards: request.shards, worker, workers, state }),
      })),
    reduce: (request) => all('reduce', () => request),
    squares: (request) => all('squares', () => request),
    update: (request) => all('update', () => request),
    evaluate: ({ shards }) => all('evaluate', (worker) => ({ shards: shardsOf({ shards, worker, workers, state }) })),
    load: () => all('load'),
  };
  return createRankedEngine({ ...shared, parts, beside: true, close: () => pool.close() });
}

function startPool({
  source,
  state,
  workers,
}: {
  source: ProgramSource;
  state: SharedState;
  workers: number;
}): Promise<WorkerPool> {
  return startWorkers({
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
}

/** A worker needs only its own shards. */
function shardsOf({
  shards,
  worker,
  workers,
  state: {
    share: { firstShard, ownShards },
  },
}: {
  shards: readonly unknown[];
  worker: number;
  workers: number;
  state: SharedState;
}): unknown[] {
  return shards.map((shard, index) => {
    const own = index - firstShard;
    return own >= 0 && own < ownShards && own % workers === worker ? shard : undefined;
  });
}
