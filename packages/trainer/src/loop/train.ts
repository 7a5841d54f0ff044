import { tf } from '@subtext/tensor';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { pruneCheckpoints, resumeNewest, type RunPosition, saveCheckpoint } from '../checkpoint/checkpoint';
import { lockFolder } from '../checkpoint/run-lock';
import { TrainerError } from '../errors';
import { type AdamWSettings, defaultAdamW } from '../optimizer/host-adamw';
import { learningRateAt, type LearningRateSchedule } from '../optimizer/learning-rate';
import { createSharedState, type SharedState } from '../parallel/shared-state';
import type { TrainingProgram } from '../programs/training-program';
import { type ProgramSource, startTrainingEngine } from './training-engine';
import { RunLog } from './run-log';

/** One phase of a run: how many steps, at which learning rate, on which batches. */
export interface TrainingPhase {
  name: string;
  steps: number;
  schedule: LearningRateSchedule;
  /** The shards of one step's batch, as a pure function of the step (from 0). */
  batch(step: number): unknown[] | Promise<unknown[]>;
}

/** What a run tells while it works. */
export interface TrainingProgress {
  phase: number;
  phases: number;
  phaseName: string;
  phaseStep: number;
  phaseSteps: number;
  step: number;
  steps: number;
  loss: number;
  metrics: Record<string, number>;
  learningRate: number;
  gradientNorm: number;
  /** Seconds left at the speed so far. */
  secondsLeft: number;
}

export interface TrainOptions {
  /** Where checkpoints and logs go. */
  folder: string;
  source: ProgramSource;
  /** This thread's copy of the program: gives the first weights and receives the last. */
  program: TrainingProgram;
  phases: readonly TrainingPhase[];
  /** Identifies configuration and data: a checkpoint with another fingerprint is refused. */
  fingerprint: string;
  /** Threads; 0 computes in this thread. @default 2 */
  workers?: number;
  /** Parts that a batch is cut into. The result depends on it, but not on the number of workers. @default 2 */
  shards?: number;
  /** @default defaultAdamW */
  optimizer?: Partial<AdamWSettings>;
  /** Largest global gradient norm. @default 1 */
  clipNorm?: number;
  /** Seconds between checkpoints, beside those at the end of phases. @default 30 */
  checkpointSeconds?: number;
  /** Steps between checkpoints, if they must not depend on time. @default none */
  checkpointSteps?: number;
  /** Checkpoints kept. @default 2 */
  keepCheckpoints?: number;
  /** Steps between lines of the log. @default 10 */
  logSteps?: number;
  /** Bad steps in a row (loss or gradient not finite) after which the run stops. @default 5 */
  badStepsAllowed?: number;
  /** Saves and leaves when aborted. */
  signal?: AbortSignal;
  onProgress?: (progress: TrainingProgress) => void;
  /** Told what a person should know: a broken checkpoint passed over, a run resumed. */
  onNotice?: (notice: string) => void;
  /** Called after the last step of each phase, with the program's variables up to date. */
  onPhaseEnd?: (options: { phase: number; name: string }) => Promise<void>;
}

export interface TrainingOutcome {
  /** `stopped`: the signal asked for it; the run goes on from its checkpoint when started again. */
  status: 'finished' | 'stopped';
  steps: number;
  skippedSteps: number;
}

/** Trains a program through its phases, each with a fresh optimizer. Resumes where an earlier run of the same configuration stopped. */
export async function train({
  folder,
  source,
  program,
  phases,
  fingerprint,
  workers = 2,
  shards = 2,
  optimizer,
  clipNorm = 1,
  checkpointSeconds = 30,
  checkpointSteps,
  keepCheckpoints = 2,
  logSteps = 10,
  badStepsAllowed = 5,
  signal,
  onProgress,
  onNotice,
  onPhaseEnd,
}: TrainOptions): Promise<TrainingOutcome> {
  const settings: AdamWSettings = { ...defaultAdamW, ...optimizer };
  const checkpoints = join(folder, 'checkpoints');
  await mkdir(checkpoints, { recursive: true });
  const unlock = await lockFolder(folder);
  try {
    const state = createSharedState({
      parameters: program.parameters.map(({ name, variable, learningRateScale }) => ({ name, shape: variable.shape, learningRateScale })),
      shards,
    });
    readVariables({ program, state });
    const steps = phases.reduce((sum, phase) => sum + phase.steps, 0);
    const position: RunPosition = (await resumeNewest({
      folder: checkpoints,
      state,
      fingerprint,
      onBroken: (error) => onNotice?.(`${error.message} Taking the one before.`),
    })) ?? { fingerprint, phase: 0, phaseName: phases[0]?.name ?? '', phaseStep: 0, updates: 0, step: 0, logBytes: 0, skippedSteps: 0 };
    if (position.step > 0) onNotice?.(`Resuming at step ${position.step} of ${steps} (${position.phaseName}).`);
    const log = await RunLog.open({ path: join(folder, 'log.jsonl'), bytes: position.logBytes });
    const engine = await startTrainingEngine({ source, program, state, workers });

    const save = async () => {
      await log.sync();
      position.logBytes = log.bytes;
      await saveCheckpoint({ folder: checkpoints, state, position });
      await pruneCheckpoints({ folder: checkpoints, keep: keepCheckpoints, bestStep: position.best?.step });
    };

    try {
      let lastSave = performance.now();
      const began = performance.now();
      const stepAtBegin = position.step;
      let badSteps = 0;
      for (; position.phase < phases.length; position.phase++, position.phaseStep = 0, position.updates = 0) {
        const phase = phases[position.phase]!;
        position.phaseName = phase.name;
        if (position.phaseStep === 0) {
          state.firstMoments.fill(0);
          state.secondMoments.fill(0);
        }
        let next = position.phaseStep < phase.steps ? await phase.batch(position.phaseStep) : [];
        while (position.phaseStep < phase.steps) {
          if (signal?.aborted) {
            await save();
            writeVariables({ program, state });
            return { status: 'stopped', steps: position.step, skippedSteps: position.skippedSteps };
          }
          const learningRate = learningRateAt({ schedule: phase.schedule, step: position.phaseStep, steps: phase.steps });
          const pending = engine.step({ shards: next, learningRate, step: position.updates + 1, settings, clipNorm });
          // The next batch is laid out while the workers compute this one.
          if (position.phaseStep + 1 < phase.steps) next = await phase.batch(position.phaseStep + 1);
          const result = await pending;
          position.phaseStep++;
          position.step++;
          if (result.updated) {
            position.updates++;
            badSteps = 0;
          } else {
            position.skippedSteps++;
            badSteps++;
            onNotice?.(`Step ${position.step} was skipped: loss ${result.loss}, gradient norm ${result.gradientNorm}.`);
            if (badSteps >= badStepsAllowed) {
              throw new TrainerError({
                code: 'NOT_FINITE',
                message:
                  `Training stopped at step ${position.step} (phase "${phase.name}"): loss or gradient was not finite ${badSteps} times in a row. ` +
                  `Lower the learning rate (now ${learningRate}) or look at the data of these steps; the last good checkpoint is kept.`,
              });
            }
          }
          const atEnd = position.phaseStep === phase.steps;
          if (position.step % logSteps === 0 || atEnd || !result.updated) {
            await log.write({
              step: position.step,
              phase: position.phase,
              phaseName: phase.name,
              loss: result.loss,
              ...result.metrics,
              gradientNorm: result.gradientNorm,
              learningRate,
              ...(result.updated ? {} : { skipped: true }),
            });
          }
          const elapsed = (performance.now() - began) / 1000;
          onProgress?.({
            phase: position.phase,
            phases: phases.length,
            phaseName: phase.name,
            phaseStep: position.phaseStep,
            phaseSteps: phase.steps,
            step: position.step,
            steps,
            loss: result.loss,
            metrics: result.metrics,
            learningRate,
            gradientNorm: result.gradientNorm,
            secondsLeft: (elapsed / (position.step - stepAtBegin)) * (steps - position.step),
          });
          const due = checkpointSteps ? position.step % checkpointSteps === 0 : performance.now() - lastSave > checkpointSeconds * 1000;
          if (due || atEnd) {
            await save();
            lastSave = performance.now();
          }
        }
        writeVariables({ program, state });
        await onPhaseEnd?.({ phase: position.phase, name: phase.name });
      }
      writeVariables({ program, state });
      return { status: 'finished', steps: position.step, skippedSteps: position.skippedSteps };
    } finally {
      await engine.close();
      await log.close();
    }
  } finally {
    await unlock();
  }
}

function readVariables({ program, state }: { program: TrainingProgram; state: SharedState }): void {
  for (const [index, { offset }] of state.spans.entries()) {
    state.parameters.set(program.parameters[index]!.variable.dataSync() as Float32Array, offset);
  }
}

function writeVariables({ program, state }: { program: TrainingProgram; state: SharedState }): void {
  for (const [index, { offset, length, shape }] of state.spans.entries()) {
    const values = state.parameters.slice(offset, offset + length);
    tf.tidy(() => program.parameters[index]!.variable.assign(tf.tensor(values, shape)));
  }
}
