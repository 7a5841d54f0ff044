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
    const span: ParameterSpan = { name, shape, offset: length, length: size, decays: shape.length > 1, learningRateScale };
    length += size;
    return span;
  });
  return {
    spans,
    shards,
    parameters: new Float32Array(shared(length * 4)),
    firstMoments: new Float32Array(shared(length * 4)),
    secondMoments: new Float32Array(shared(length * 4)),
    gradients: new Float32Array(shared(length * shards * 4)),
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
