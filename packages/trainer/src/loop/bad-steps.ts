import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { writeAtomically, writeError } from '../checkpoint/atomic-files';
import type { TrainingPhase } from './train-options';

/** Files kept of a run's bad steps: a run that goes wrong for good must not fill the disk. */
const MOST_FILES = 100;

/** Where a bad step was, and what it measured. */
export interface BadStep {
  step: number;
  phase: number;
  phaseName: string;
  /** Step of the phase, from 0: what the phase's source was asked for. */
  phaseStep: number;
  loss: number;
  gradientNorm: number;
  learningRate: number;
}

/** Writes what a step with a loss or gradient that is not finite was computed from: `bad-steps/step-00000012.json`. */
export async function dumpBadStep({
  folder,
  badStep,
  phase,
  shards,
  skippedSteps,
}: {
  /** The run's folder. */
  folder: string;
  badStep: BadStep;
  phase: TrainingPhase;
  /** The step's batch. */
  shards: readonly unknown[];
  /** Bad steps of the run so far, with this one. */
  skippedSteps: number;
}): Promise<string | undefined> {
  if (skippedSteps > MOST_FILES) return undefined;
  const path = join(folder, 'bad-steps', `step-${String(badStep.step).padStart(8, '0')}.json`);
  const batch = phase.source.describe ? await phase.source.describe(badStep.phaseStep) : shards;
  try {
    await mkdir(join(folder, 'bad-steps'), { recursive: true });
  } catch (error) {
    throw writeError({ path, error });
  }
  await writeAtomically({ path, data: `${JSON.stringify({ ...badStep, batch }, readable)}\n` });
  return path;
}

/** JSON has neither typed arrays nor numbers that are not finite. */
function readable(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return Array.from(value as unknown as ArrayLike<number>);
  return value;
}
