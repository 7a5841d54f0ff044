import { openSafetensors, SafetensorsError, writeSafetensors } from '@subtext/safetensors';

import { ReasonerError } from '../errors';
import type { Condition } from './supervise';

/** What flags one thought of a reasoner by its state. */
export interface ThoughtMonitor {
  /** The stage whose thought it looks at, and which of its thoughts, from 0. */
  stage: string;
  index: number;
  /** `[width]` */
  weights: Float32Array;
  bias: number;
  /** Scores from here on raise the alarm. */
  threshold: number;
  /** In words, what it flags. */
  source: string;
}

const format = 'subtext-monitor';

/** `weights · state + bias`: the log-odds that a thought is to be flagged. @throws ReasonerError `width-mismatch` for a state of another model */
export function monitorScore({
  monitor: { weights, bias },
  state,
}: {
  monitor: Pick<ThoughtMonitor, 'weights' | 'bias'>;
  /** `[width]`, as {@link Thought} has it. */
  state: Float32Array;
}): number {
  if (state.length !== weights.length)
    throw new ReasonerError({
      code: 'width-mismatch',
      message: `The monitor was made for states of width ${weights.length}, not ${state.length}. Make one for this model with \`subtext-eval monitor\`.`,
    });
  return weights.reduce((sum, weight, unit) => sum + weight * state[unit]!, bias);
}

/** Holds where a monitor raises the alarm: at its own continuous thought, by the state before it, which is read as that thought. */
export function onMonitor({ monitor }: { monitor: ThoughtMonitor }): Condition {
  return ({ thought, hidden }) =>
    thought?.stage === monitor.stage &&
    thought.index === monitor.index &&
    monitorScore({ monitor, state: hidden }) >= monitor.threshold;
}

/** Writes a monitor as a safetensors file: `weights` of `[width]`, `bias` and `threshold` of `[1]`, in float32. */
export async function saveMonitor({ path, monitor }: { path: string; monitor: ThoughtMonitor }): Promise<void> {
  const { stage, index, weights, bias, threshold, source } = monitor;
  const one = (value: number) => ({ dtype: 'F32' as const, shape: [1], data: Float32Array.of(value) });
  const tensors = new Map([
    ['weights', { dtype: 'F32' as const, shape: [weights.length], data: weights }],
    ['bias', one(bias)],
    ['threshold', one(threshold)],
  ]);
  await writeSafetensors({ path, tensors, metadata: { format, stage, index: String(index), source } });
}

/** Reads a monitor. @throws ReasonerError `not-a-monitor`; SafetensorsError */
export async function loadMonitor({ path }: { path: string }): Promise<ThoughtMonitor> {
  const wrong = (why: string, cause?: unknown) =>
    new ReasonerError({
      code: 'not-a-monitor',
      message: `${path} ${why}. Make a monitor with \`subtext-eval monitor\`.`,
      cause,
    });
  const file = await openSafetensors({ path }).catch((cause: unknown) => {
    if (!SafetensorsError.isInstance(cause)) throw cause;
    throw wrong(cause.code === 'not-found' ? 'is not there' : `is no safetensors file: ${cause.message}`, cause);
  });
  try {
    const { stage, index, source = '', format: found } = file.metadata;
    const sizeOf = (name: string) => (file.has(name) ? file.entry(name).shape : []);
    const right =
      found === format &&
      stage !== undefined &&
      /^\d+$/.test(index ?? '') &&
      sizeOf('weights').length === 1 &&
      ['bias', 'threshold'].every((name) => sizeOf(name).length === 1 && sizeOf(name)[0] === 1);
    if (!right) throw wrong('holds no monitor of thoughts');
    const [weights, bias, threshold] = await Promise.all(
      ['weights', 'bias', 'threshold'].map((name) => file.readFloat32(name)),
    );
    return {
      stage: stage!,
      index: Number(index),
      weights: weights!,
      bias: bias![0]!,
      threshold: threshold![0]!,
      source,
    };
  } finally {
    await file.close();
  }
}
