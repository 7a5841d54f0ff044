import { reportFailure, waitForAll } from '@subtext/core/node';
import { tf } from '@subtext/tensor';

import { flatArithmetic } from '../optimizer/flat-arithmetic';
import type { AdamWSettings } from '../optimizer/host-adamw';
import type { TrainingProgram } from '../program/training-program';
import { readLosses, type ReportNames, shardGradients, writeLosses } from './shard-gradients';
import { CHUNK, MAXIMUM_METRICS, type SharedState } from './shared-state';

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
}

/** What came of a step. */
export interface StepResult {
  loss: number;
  metrics: Record<string, number>;
  /** Global norm of the gradient, before clipping. */
  gradientNorm: number;
  /** Whether the weights were updated: not where the loss or the norm is not finite. */
  updated: boolean;
}

export interface TrainingTask {
  step(request: StepRequest): StepResult;
  /** Writes the losses of this worker's shards to shared memory, without a gradient. */
  evaluate(request: { shards: (unknown | undefined)[] }): void;
  /** Copies the shared parameters into the program's variables. */
  load(): void;
  /** Tensors alive now, for leak checks. */
  tensors(): number;
}

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
}: {
  program: TrainingProgram;
  state: SharedState;
  /** @default 0 */
  worker?: number;
  /** @default 1 */
  workers?: number;
}): TrainingTask {
  const { spans, shards, control } = state;
  const total = state.parameters.length;
  const variables = program.parameters.map(({ variable }) => variable);
  const arithmetic = flatArithmetic(state);
  const chunks = Math.ceil(total / CHUNK);
  const firstChunk = Math.floor((chunks * worker) / workers);
  const lastChunk = Math.floor((chunks * (worker + 1)) / workers);
  const from = firstChunk * CHUNK;
  const to = Math.min(total, lastChunk * CHUNK);
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
    tf.tidy(() => {
      const { loss, gradients, reported, counts, ...rest } = shardGradients({
        program,
        variables,
        shard,
        batch,
        measure,
        draw,
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
      for (const [index, gradient] of gradients.entries()) {
        // The loss of this batch does not depend on every parameter: an interpreter waits for its stage to be hidden.
        if (!gradient) continue;
        state.gradients.set(gradient.dataSync() as Float32Array, shard * total + spans[index]!.offset);
        present[index] = 1;
      }
    });
  }

  /** Sums the shards' gradients of this worker's slice into the first shard's place, in the order of the shards. */
  function reduce(): void {
    const { gradients, present } = state;
    for (const [index, { offset, length }] of spans.entries()) {
      const start = Math.max(offset, from);
      const end = Math.min(offset + length, to);
      if (start >= end) continue;
      let first = true;
      for (let shard = 0; shard < shards; shard++) {
        if (present[shard * spans.length + index] === 0) continue;
        const base = shard * total;
        if (first && shard === 0) first = false;
        else if (first) {
          gradients.copyWithin(start, base + start, base + end);
          first = false;
        } else arithmetic.addGradients({ base, from: start, to: end });
      }
      if (first) gradients.fill(0, start, end);
    }
    for (let chunk = firstChunk; chunk < lastChunk; chunk++) {
      let sum = 0;
      const end = Math.min(total, (chunk + 1) * CHUNK);
      for (let i = chunk * CHUNK; i < end; i++) sum += gradients[i]! * gradients[i]!;
      state.partialSums[chunk] = sum;
    }
  }

  function update({ learningRate, step, settings, gradientScale }: StepRequest & { gradientScale: number }): void {
    for (const [index, { offset, length, decays, learningRateScale }] of spans.entries()) {
      const start = Math.max(offset, from);
      const end = Math.min(offset + length, to);
      let anywhere = false;
      for (let shard = 0; shard < shards; shard++) anywhere ||= state.present[shard * spans.length + index] !== 0;
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

  function step(request: StepRequest): StepResult {
    try {
      for (let shard = worker; shard < shards; shard += workers)
        computeGradients({ shard, batch: request.shards[shard], measure: request.measure, draw: request.draw });
      waitForAll({ control, workers });
      reduce();
      waitForAll({ control, workers });
      let squares = 0;
      for (const sum of state.partialSums) squares += sum;
      const gradientNorm = Math.sqrt(squares);
      const { loss, metrics } = readLosses({ state, names });
      const updated = Number.isFinite(loss) && Number.isFinite(gradientNorm);
      if (updated) {
        // PyTorch's clip_grad_norm_: the small term keeps the division defined.
        update({ ...request, gradientScale: Math.min(1, request.clipNorm / (gradientNorm + 1e-6)) });
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
    for (let shard = worker; shard < shards; shard += workers) {
      state.losses[shard * (1 + MAXIMUM_METRICS)] = tf.tidy(
        () => program.loss(request.shards[shard], { measure: false }).loss.dataSync()[0]!,
      );
    }
  }

  return { step, evaluate, load, tensors: () => tf.memory().numTensors };
}
