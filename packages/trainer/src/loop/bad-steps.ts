import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { writeAtomically, writeError } from '../checkpoint/atomic-files';
import type { RunPosition } from '../checkpoint/checkpoint';
import { TrainerError } from '../errors';
import type { StepResult } from '../parallel/training-task';
import type { TrainingPhase, TrainOptions } from './train-options';

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
async function dumpBadStep({
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

/**
 * Notes a step with a loss or gradient that is not finite: its batch on disk, a notice.
 *
 * @throws TrainerError `not-finite` after too many in a row
 */
export async function reportBadStep({
  folder,
  position: { step, phase: phaseIndex, phaseName, phaseStep, skippedSteps, badStepsInRow },
  result: { loss, gradientNorm },
  learningRate,
  phase,
  shards,
  badStepsAllowed,
  checkpoint,
  onNotice,
}: {
  /** The run's folder. */
  folder: string;
  /** Where the run stands after the step. */
  position: RunPosition;
  result: Pick<StepResult, 'loss' | 'gradientNorm'>;
  learningRate: number;
  phase: TrainingPhase;
  /** The step's batch. */
  shards: readonly unknown[];
  badStepsAllowed: number;
  /** Step of the newest checkpoint. */
  checkpoint: number | undefined;
} & Pick<TrainOptions, 'onNotice'>): Promise<void> {
  const badStep = { step, phase: phaseIndex, phaseName, phaseStep: phaseStep - 1, loss, gradientNorm, learningRate };
  const dump = await dumpBadStep({ folder, badStep, phase, shards, skippedSteps });
  const written = dump ? ` Its batch is in ${dump}.` : '';
  onNotice?.(`Step ${step} was skipped: loss ${loss}, gradient norm ${gradientNorm}.${written}`);
  if (badStepsInRow < badStepsAllowed) return;
  throw new TrainerError({
    code: 'not-finite',
    message:
      `Training stopped at step ${step} (phase "${phaseName}", its step ${phaseStep}): loss or gradient was not finite ${badStepsInRow} times in a row ` +
      `(last: loss ${loss}, gradient norm ${gradientNorm}).${written} ` +
      `Lower the learning rate (now ${learningRate}) or look at the data of these steps; ${checkpoint === undefined ? 'no checkpoint has been written yet' : `the checkpoint of step ${checkpoint} is kept`}.`,
  });
}
