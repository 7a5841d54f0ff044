import { engineCapabilities } from '@subtext/tensor';

import { TrainerError } from '../errors';

/** What the memory of a run is computed from. */
export interface MemoryDemand {
  /** Numbers of the models that are trained, adapters and interpreters included: a copy in each thread that computes. */
  parameters: number;
  /** Those of them that are trained. */
  trainable: number;
  /** Numbers of models that the first thread holds beside them. @default 0 */
  besides?: number;
  /** Bytes of a number that is not trained: less than 4 are stored outside of the engine (`model.dtype`). @default 4 */
  frozenBytes?: number;
  /** Bytes that one row of a batch takes at its longest, gradients aside, as measured or known. @default 0: not known yet */
  bytesPerRow?: number;
  /** Rows of a shard. */
  rows: number;
  shards: number;
  /** Threads beside the first; 0 computes in that one. */
  workers: number;
  /** What computes: an engine that has been used. */
  engine: string;
}

/** Memory that a run needs, in bytes. */
export interface MemoryEstimate {
  /** Of the process. */
  total: number;
  /** The largest part that one engine holds; engines of WebAssembly end at 4 GiB each. */
  engine: number;
  models: number;
  gradients: number;
  optimizer: number;
  activations: number;
  /** Node, the libraries, and the threads themselves. */
  process: number;
}

/** Bytes of Node with the libraries, and of each further thread with its own: measured on Linux, Node 20. */
const PROCESS = 150 * 2 ** 20;
const THREAD = 90 * 2 ** 20;

/**
 * The memory that a run takes at its peak. Parameters, gradients and moments are counted; what a row of a batch takes is
 * multiplied.
 */
export function estimateMemory({
  parameters,
  trainable,
  besides = 0,
  frozenBytes = 4,
  bytesPerRow = 0,
  rows,
  shards,
  workers,
  engine,
}: MemoryDemand): MemoryEstimate {
  const bytes = 4;
  // The first thread computes too, before the run: an engine of WebAssembly gives back nothing of what it has held.
  const computing = 1 + Math.min(workers, shards);
  const onEngine = workers === 0 && engineCapabilities(engine).trainingState === 'engine';
  const shard = bytesPerRow * rows;
  const frozen = parameters - trainable;
  const models = frozenBytes * (besides + frozen * (1 + workers)) + bytes * trainable * (1 + workers);
  const frozenOnEngine = frozenBytes < bytes ? 0 : bytes;
  // Each thread that computes holds the gradient of its shard; the shared state has those of all shards.
  const gradients = bytes * trainable * (shards + computing + (onEngine ? 1 : 0));
  // Weights and both moments in the shared state; both again where the engine holds them.
  const optimizer = bytes * trainable * (3 + (onEngine ? 2 : 0));
  const activations = shard * computing;
  const process = PROCESS + THREAD * workers;
  const first = frozenOnEngine * (besides + frozen) + bytes * trainable * (onEngine ? 5 : 2) + shard;
  const other = workers === 0 ? 0 : frozenOnEngine * frozen + bytes * trainable * 2 + shard;
  return {
    total: models + gradients + optimizer + activations + process,
    engine: Math.max(first, other),
    models,
    gradients,
    optimizer,
    activations,
    process,
  };
}

/**
 * Refuses a run that cannot fit into its engine or the machine. What is certain (parameters, gradients, moments) counts
 * whole, activations by half, since they are an estimate.
 *
 * @throws TrainerError `does-not-fit`
 */
export function checkMemory({
  demand,
  machine,
}: {
  demand: MemoryDemand;
  /** Bytes that the machine, or the container, has. */
  machine: number;
}): MemoryEstimate {
  const estimate = estimateMemory(demand);
  const certain = estimateMemory({ ...demand, bytesPerRow: (demand.bytesPerRow ?? 0) / 2 });
  const { largestMemory: limit } = engineCapabilities(demand.engine);
  const { parameters, trainable, rows, shards, workers, engine } = demand;
  if ((limit !== null && certain.engine > limit) || certain.total > machine) {
    const overEngine = limit !== null && certain.engine > limit;
    const where = overEngine
      ? `the engine ${engine} holds at most ${gibibytes(limit)} in each thread, and needs about ${gibibytes(estimate.engine)}`
      : `this machine has ${gibibytes(machine)}, and the run needs about ${gibibytes(estimate.total)}`;
    const advice = [
      trainable > parameters / 4 && estimate.gradients + estimate.optimizer > estimate.total / 4
        ? 'train an adapter (model.lora) or freeze a part of the model (model.frozen)'
        : undefined,
      estimate.activations > estimate.models / 4
        ? 'lower training.batchSize or cut batches into more training.shards'
        : undefined,
      workers > 1 && !overEngine ? 'start fewer workers' : undefined,
      overEngine && trainable < parameters && (demand.frozenBytes ?? 4) === 4
        ? 'store what is not trained in fewer bits (model.dtype)'
        : undefined,
      overEngine ? 'take the engine tensorflow, which has all of the machine’s memory' : undefined,
      'take a smaller model or shorter examples',
    ].filter((one) => one !== undefined);
    throw new TrainerError({
      code: 'does-not-fit',
      message: `The run does not fit into memory: ${where}. ${describeMemory(estimate)} (${millions(parameters)} parameters, ${millions(trainable)} of them trained; ${rows} rows in each of ${shards} shards; ${workers} workers). What helps: ${advice.join('; ')}.`,
    });
  }
  return estimate;
}

/** The parts of an estimate in words. */
export function describeMemory({ models, gradients, optimizer, activations, process }: MemoryEstimate): string {
  return `Models ${gibibytes(models)}, gradients ${gibibytes(gradients)}, optimizer ${gibibytes(optimizer)}, activations ${gibibytes(activations)}, process ${gibibytes(process)}`;
}

/** Bytes for people. */
export function gibibytes(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

function millions(count: number): string {
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} M` : String(count);
}
