import { createSharedMemory, type WebAssemblyMemory } from '@subtext/tensor';

/** Elements summed at a time for the gradient's norm: fixed, so that the norm does not depend on the number of workers. */
export const CHUNK = 16_384;

/** Most metrics that a program may report. */
export const MAXIMUM_METRICS = 16;

/** One parameter's place in the flat arrays. */
export interface ParameterSpan {
  name: string;
  shape: number[];
  offset: number;
  length: number;
  /** Whether weight decay applies: matrices only, as transformers' Trainer does. */
  decays: boolean;
  learningRateScale: number;
}

/** The memory that all workers of a run share: the whole state of training. */
export interface SharedState {
  /** Holds the four float32 arrays below, for kernels that work in place; absent where they did not fit into one memory. */
  memory?: WebAssemblyMemory;
  spans: ParameterSpan[];
  shards: number;
  /** `[length]` */
  parameters: Float32Array;
  /** `[length]`; holds the reduced gradient after a step. */
  firstMoments: Float32Array;
  /** `[length]` */
  secondMoments: Float32Array;
  /** `[shards · length]` */
  gradients: Float32Array;
  /** `[shards · spans]`, 1 where the shard has a gradient for the parameter. */
  present: Int32Array;
  /** `[chunks]`, sums of squares. */
  partialSums: Float64Array;
  /** `[shards · (1 + MAXIMUM_METRICS)]`: the loss, then the metrics. */
  losses: Float64Array;
  /** `[arrived, generation, failed]` of the barrier. */
  control: Int32Array;
}

function shared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(Math.max(8, bytes));
}

/** Float32 arrays of these lengths, one after the other in one memory if it can hold them. */
function sharedArrays(lengths: readonly number[]): { memory?: WebAssemblyMemory; arrays: Float32Array[] } {
  const memory = createSharedMemory(lengths.reduce((sum, length) => sum + length, 0) * 4);
  if (!memory) return { arrays: lengths.map((length) => new Float32Array(shared(length * 4))) };
  let offset = 0;
  const arrays = lengths.map((length) => new Float32Array(memory.buffer, (offset += length * 4) - length * 4, length));
  return { memory, arrays };
}

/** Allocates the shared memory for parameters of these shapes. */
export function createSharedState({
  parameters,
  shards,
}: {
  parameters: readonly { name: string; shape: number[]; learningRateScale?: number }[];
  /** Parts that each batch is cut into; gradients are summed in their order. */
  shards: number;
}): SharedState {
  let length = 0;
  const spans = parameters.map(({ name, shape, learningRateScale = 1 }) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const span: ParameterSpan = {
      name,
      shape,
      offset: length,
      length: size,
      decays: shape.length > 1,
      learningRateScale,
    };
    length += size;
    return span;
  });
  const { memory, arrays } = sharedArrays([length, length, length, length * shards]);
  const [parameterValues, firstMoments, secondMoments, gradients] = arrays as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  return {
    ...(memory && { memory }),
    spans,
    shards,
    parameters: parameterValues,
    firstMoments,
    secondMoments,
    gradients,
    present: new Int32Array(shared(spans.length * shards * 4)),
    partialSums: new Float64Array(shared(Math.ceil(length / CHUNK) * 8)),
    losses: new Float64Array(shared(shards * (1 + MAXIMUM_METRICS) * 8)),
    control: new Int32Array(shared(3 * 4)),
  };
}

/** The loss of the batch computed last: the shards' losses in their order. */
export function sumLosses({ losses, shards }: SharedState): number {
  let loss = 0;
  for (let shard = 0; shard < shards; shard++) loss += losses[shard * (1 + MAXIMUM_METRICS)]!;
  return loss;
}
