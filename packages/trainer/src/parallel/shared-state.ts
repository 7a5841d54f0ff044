import { createSharedMemory, type WebAssemblyMemory } from '@subtext/tensor';

import type { SumOrder } from './rank-exchange';
import { type RankShare, shareOf } from './rank-share';

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
  /** What of the run is this process's: all of it where it is alone. */
  share: RankShare;
  /** `[own shards · length]`, then what the other ranks send: `[other shards · own slice]`, or `[other ranks · own slice]`. */
  gradients: Float32Array;
  /** `[own shards]`: the gradients of the spans from this one on have been written. */
  ready: Int32Array;
  /** `[shards · spans]`, 1 where the shard has a gradient for the parameter. */
  present: Int32Array;
  /** `[chunks]`, sums of squares. */
  partialSums: Float64Array;
  /** `[shards · (1 + MAXIMUM_METRICS)]`: the loss, then the metrics. */
  losses: Float64Array;
  /** `[arrived, generation, failed]` of the barrier of this process's threads. */
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
  rank = 0,
  ranks = 1,
  order = 'shards',
  wholeParameters = false,
}: {
  parameters: readonly { name: string; shape: number[]; learningRateScale?: number }[];
  /** Parts that each batch is cut into; gradients are summed in their order. */
  shards: number;
  /** This process among those that train together. @default 0 */
  rank?: number;
  /** How many there are. @default 1 */
  ranks?: number;
  /** Whether the other ranks send the gradients of each shard, or their sum. @default 'shards' */
  order?: SumOrder;
  /** Whether each parameter is one rank's as a whole. @default false */
  wholeParameters?: boolean;
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
  const share = shareOf({ rank, ranks, shards, spans, length, unit: wholeParameters ? 'parameter' : CHUNK });
  const received = (order === 'any' ? ranks - 1 : shards - share.ownShards) * (share.to - share.from);
  const { memory, arrays } = sharedArrays([length, length, length, length * share.ownShards + received]);
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
    share,
    parameters: parameterValues,
    firstMoments,
    secondMoments,
    gradients,
    ready: new Int32Array(shared(share.ownShards * 4)),
    present: new Int32Array(shared(spans.length * shards * 4)),
    partialSums: new Float64Array(shared(Math.ceil(length / CHUNK) * 8)),
    losses: new Float64Array(shared(shards * (1 + MAXIMUM_METRICS) * 8)),
    control: new Int32Array(shared(3 * 4)),
  };
}

/** Where a shard's gradients lie: element i of the parameters at `base + i`; of another rank's, only those of the own slice. */
export function gradientBase({ share, parameters }: SharedState, shard: number): number {
  const { firstShard, ownShards, from, to } = share;
  const { length } = parameters;
  if (shard >= firstShard && shard < firstShard + ownShards) return (shard - firstShard) * length;
  const place = shard < firstShard ? shard : shard - ownShards;
  return ownShards * length + place * (to - from) - from;
}

/** Where a rank's sum over its shards lies, which it sends in one: the own one at the beginning; of others only the own slice. */
export function sumBase({ share, parameters }: SharedState, rank: number): number {
  const { from, to } = share;
  if (rank === share.rank) return 0;
  return share.ownShards * parameters.length + (rank < share.rank ? rank : rank - 1) * (to - from) - from;
}

/** The loss of the batch computed last: the shards' losses in their order. */
export function sumLosses({ losses, shards }: SharedState): number {
  let loss = 0;
  for (let shard = 0; shard < shards; shard++) loss += losses[shard * (1 + MAXIMUM_METRICS)]!;
  return loss;
}
