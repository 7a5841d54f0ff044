import { reportFailure, waitForAll } from '@subtext/core/node';
import { tf } from '@subtext/tensor';

import { flatArithmetic } from '../optimizer/flat-arithmetic';
import type { AdamWSettings } from '../optimizer/host-adamw';
import type { Wishes } from './rank-exchange';
import type { TrainingProgram } from '../program/training-program';
import { readLosses, type ReportNames, shardGradients, writeLosses } from './shard-gradients';
import { CHUNK, gradientBase, MAXIMUM_METRICS, type SharedState, sumBase } from './shared-state';

/** One optimizer step, as posted to every worker. */
export interface StepRequest {
  /** The batch's shards, by shard number. A worker needs only its own: `shard % workers === worker`. */
  shards: (unknown | undefined)[];
  learningRate: number;
  /** Optimizer step of the phase, from 1. */
  step: number;
  settings: AdamWSettings;
  /** Largest global norm of the gradient; a larger one is scaled down to it. */
  clipNorm: number;
  /** Whether the program measures its thoughts in this step. @default false */
  measure?: boolean;
  /** Names the step's random draws; the shard is added. @default none are made */
  draw?: number;
  /** What this rank would like to happen after the step. @default nothing */
  wishes?: Wishes;
}

/** What came of a step. */
export interface StepResult {
  loss: number;
  metrics: Record<string, number>;
  /** Global norm of the gradient, before clipping. */
  gradientNorm: number;
  /** Whether the weights were updated: not where the loss or the norm is not finite. */
  updated: boolean;
  /** Among ranks: what any of them wished for. */
  wishes?: Wishes;
  /** Among ranks: milliseconds that this one only waited for messages. */
  waited?: number;
}

export interface TrainingTask {
  /** A whole step, where this process is alone. */
  step(request: StepRequest): StepResult;
  /** Computes the gradients of this worker's shards: the first part of a step among ranks. */
  gradients(request: GradientRequest): ReportNames;
  /** Sums this worker's part of the own slice over all shards or ranks, or of everything over the own shards, into the first gradients. */
  reduce(request: { over: 'all shards' | 'own shards' | 'ranks' }): void;
  /** Sums of squares of this worker's part of the summed gradients. */
  squares(request: { of: 'slice' | 'all' }): void;
  /** Updates this worker's part of the own slice, or of everything. */
  update(request: UpdateRequest): void;
  /** Writes the losses of this worker's shards to shared memory, without a gradient. */
  evaluate(request: { shards: (unknown | undefined)[] }): void;
  /** Copies the shared parameters into the program's variables. */
  load(): void;
  /** Tensors alive now, for leak checks. */
  tensors(): number;
}

/** What gradients are computed of. */
export type GradientRequest = Pick<StepRequest, 'shards' | 'measure' | 'draw'>;

/** How parameters are updated. */
export type UpdateRequest = Pick<StepRequest, 'learningRate' | 'step' | 'settings'> & {
  gradientScale: number;
  of: 'slice' | 'all';
};

/**
 * One worker's share of data-parallel training. The gradient of each shard is written to shared memory, reduced in
 * the order of the shards, and applied slice by slice; the number of workers changes who does what, but not a bit of
 * the result.
 */
export function createTrainingTask({
  program,
  state,
  worker = 0,
  workers = 1,
  onReady,
}: {
  program: TrainingProgram;
  state: SharedState;
  /** @default 0 */
  worker?: number;
  /** @default 1 */
  workers?: number;
  /** Told, while a backward pass runs, that more of `state.ready` is ready. @default nobody */
  onReady?: () => void;
}): TrainingTask {
  const { spans, shards, control } = state;
  const total = state.parameters.length;
  const variables = program.parameters.map(({ variable }) => variable);
  const arithmetic = flatArithmetic(state);
  const { share } = state;
  /** This worker's part of elements that begin and end with whole chunks. */
  const partOf = ({ from, to }: { from: number; to: number }) => {
    if (workers === 1) return { from, to };
    const first = Math.floor(from / CHUNK);
    const chunks = Math.ceil((to - from) / CHUNK);
    return {
      from: (first + Math.floor((chunks * worker) / workers)) * CHUNK,
      to: Math.min(to, (first + Math.floor((chunks * (worker + 1)) / workers)) * CHUNK),
    };
  };
  const parts = { slice: partOf(share), all: partOf({ from: 0, to: total }) };
  let names: ReportNames = { metrics: [], means: [] };

  function load(): void {
    for (const [index, { offset, length, shape }] of spans.entries()) {
      // A copy: the engine may keep the array, and shared memory goes on changing.
      const values = state.parameters.slice(offset, offset + length);
      tf.tidy(() => variables[index]!.assign(tf.tensor(values, shape)));
    }
  }

  function computeGradients({
    shard,
    batch,
    measure,
    draw,
  }: { shard: number; batch: unknown } & Pick<StepRequest, 'measure' | 'draw'>): void {
    const present = state.present.subarray(shard * spans.length, (shard + 1) * spans.length).fill(0);
    const base = gradientBase(state, shard);
    const whole = new Uint8Array(spans.length);
    let ready = spans.length;
    const onGradient = (index: number, gradient: tf.Tensor | null) => {
      // The loss of this batch does not depend on every parameter: an interpreter waits for its stage to be hidden.
      if (gradient) {
        state.gradients.set(gradient.dataSync() as Float32Array, base + spans[index]!.offset);
        present[index] = 1;
      }
      whole[index] = 1;
      const before = ready;
      while (ready > 0 && whole[ready - 1] === 1) ready--;
      if (ready === before) return;
      Atomics.store(state.ready, shard - share.firstShard, ready);
      onReady?.();
    };
    tf.tidy(() => {
      const { loss, reported, counts, ...rest } = shardGradients({
        program,
        variables,
        shard,
        batch,
        measure,
        draw,
        onGradient,
      });
      names = rest.names;
      writeLosses({
        state,
        shard,
        loss: loss.dataSync()[0]!,
        reported: reported.map((metric) => metric.dataSync()[0]!),
        counts,
      });
      tf.dispose(reported);
    });
  }

  /** Whether a shard has a gradient for a parameter. */
  const has = (shard: number, index: number) => state.present[shard * spans.length + index] !== 0;

  /** Sums gradients of a part into the first shard's place, in the order of the shards, then to where this rank's begin. */
  function reduce({ over }: { over: 'all shards' | 'own shards' | 'ranks' }): void {
    if (over === 'ranks') return reduceRanks();
    const { gradients } = state;
    const { from, to } = parts[over === 'all shards' ? 'slice' : 'all'];
    const firstShard = over === 'all shards' ? 0 : share.firstShard;
    const lastShard = over === 'all shards' ? shards : share.firstShard + share.ownShards;
    const target = gradientBase(state, firstShard);
    for (const [index, { offset, length }] of spans.entries()) {
      const start = Math.max(offset, from);
      const end = Math.min(offset + length, to);
      if (start >= end) continue;
      let first = true;
      for (let shard = firstShard; shard < lastShard; shard++) {
        if (!has(shard, index)) continue;
        const base = gradientBase(state, shard);
        if (!first) arithmetic.addGradients({ base, from: start, to: end, target });
        else if (shard !== firstShard) gradients.copyWithin(target + start, base + start, base + end);
        first = false;
      }
      if (first) gradients.fill(0, target + start, target + end);
    }
    if (target !== 0 && from < to) gradients.copyWithin(from, target + from, target + to);
  }

  /** Sums the ranks' sums of a part in the order of the ranks. */
  function reduceRanks(): void {
    const { from, to } = parts.slice;
    const target = sumBase(state, 0);
    for (let rank = 1; rank < share.ranks; rank++)
      arithmetic.addGradients({ base: sumBase(state, rank), from, to, target });
    if (target !== 0) state.gradients.copyWithin(from, target + from, target + to);
  }

  function squares({ of }: { of: 'slice' | 'all' }): void {
    const { gradients, partialSums } = state;
    const { from, to } = parts[of];
    for (let start = from; start < to; start += CHUNK) {
      let sum = 0;
      const end = Math.min(total, start + CHUNK);
      for (let i = start; i < end; i++) sum += gradients[i]! * gradients[i]!;
      partialSums[start / CHUNK] = sum;
    }
  }

  function update({ learningRate, step, settings, gradientScale, of }: UpdateRequest): void {
    const { from, to } = parts[of];
    for (const [index, { offset, length, decays, learningRateScale }] of spans.entries()) {
      const start = Math.max(offset, from);
      const end = Math.min(offset + length, to);
      let anywhere = false;
      for (let shard = 0; shard < shards; shard++) anywhere ||= has(shard, index);
      if (start >= end || !anywhere) continue;
      arithmetic.adamW({
        from: start,
        to: end,
        learningRate: learningRate * learningRateScale,
        weightDecay: decays ? settings.weightDecay : 0,
        settings,
        step,
        gradientScale,
      });
    }
  }

  function gradients(request: GradientRequest): ReportNames {
    const { firstShard, ownShards } = share;
    for (let own = worker; own < ownShards; own += workers) {
      const shard = firstShard + own;
      computeGradients({ shard, batch: request.shards[shard], measure: request.measure, draw: request.draw });
    }
    return names;
  }

  function step(request: StepRequest): StepResult {
    try {
      gradients(request);
      waitForAll({ control, workers });
      reduce({ over: 'all shards' });
      squares({ of: 'all' });
      waitForAll({ control, workers });
      const { loss, metrics, gradientNorm, updated, gradientScale } = stepOutcome({
        state,
        names,
        clipNorm: request.clipNorm,
      });
      if (updated) {
        update({ ...request, gradientScale, of: 'all' });
        waitForAll({ control, workers });
        load();
      }
      return { loss, metrics, gradientNorm, updated };
    } catch (error) {
      reportFailure({ control });
      throw error;
    }
  }

  function evaluate(request: { shards: (unknown | undefined)[] }): void {
    for (let own = worker; own < share.ownShards; own += workers) {
      const shard = share.firstShard + own;
      state.losses[shard * (1 + MAXIMUM_METRICS)] = tf.tidy(
        () => program.loss(request.shards[shard], { measure: false }).loss.dataSync()[0]!,
      );
    }
  }

  return { step, gradients, reduce, squares, update, evaluate, load, tensors: () => tf.memory().numTensors };
}

/** What the losses and sums of squares of a step say, and how its gradients are scaled. */
export function stepOutcome({
  state,
  names,
  clipNorm,
}: {
  state: SharedState;
  names: ReportNames;
  clipNorm: number;
}): StepResult & { gradientScale: number } {
  let squares = 0;
  for (const sum of state.partialSums) squares += sum;
  const gradientNorm = Math.sqrt(squares);
  const { loss, metrics } = readLosses({ state, names });
  const updated = Number.isFinite(loss) && Number.isFinite(gradientNorm);
  // PyTorch's clip_grad_norm_: the small term keeps the division defined.
  return { loss, metrics, gradientNorm, updated, gradientScale: Math.min(1, clipNorm / (gradientNorm + 1e-6)) };
}
