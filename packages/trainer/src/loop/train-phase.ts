import { hashCounters } from '@subtext/reasoner';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { RunPosition } from '../checkpoint/checkpoint';
import { learningRateAt } from '../optimizer/learning-rate';
import type { AdamWSettings } from '../optimizer/host-adamw';
import type { Wishes } from '../parallel/rank-exchange';
import type { StepResult } from '../parallel/training-task';
import { reportBadStep } from './bad-steps';
import type { OpenRun } from './open-run';
import { explainMemory } from './out-of-memory';
import type { MasteryGoal, TrainingPhase, TrainOptions } from './train-options';
import { validate } from './validate';

/** How the steps of every phase of a run are made. */
export type StepOptions = Pick<
  TrainOptions,
  'folder' | 'phases' | 'checkpointSteps' | 'signal' | 'onProgress' | 'onNotice'
> &
  Required<
    Pick<TrainOptions, 'clipNorm' | 'checkpointSeconds' | 'logSteps' | 'validationSteps' | 'seed' | 'badStepsAllowed'>
  > & { settings: AdamWSettings };

/** A step that has been computed. */
interface FinishedStep {
  /** For messages: `step 12 (phase "text")`. */
  where: string;
  shards: unknown[];
  learningRate: number;
  /** Whether the thoughts were measured, so that the log has a line. */
  measured: boolean;
  result: StepResult;
}

/** Trains the phase that a run stands in, from where it stands in it. */
export async function trainPhase({
  run,
  phase,
  options,
}: {
  run: OpenRun;
  phase: TrainingPhase;
  options: StepOptions;
}): Promise<'over' | 'stopped'> {
  const { position } = run;
  beginPhase({ run, phase });
  let shards = isOver({ position, phase }) ? [] : await batchOf({ run, phase });
  let agreed: Wishes | undefined;
  while (!isOver({ position, phase })) {
    // Among ranks only what has been agreed on counts: each hears of a signal at another time.
    if (mayStop({ run, phase }) && (run.ranks.size === 1 ? options.signal?.aborted : agreed?.stop)) {
      await run.save();
      return 'stopped';
    }
    const { following, ...step } = await computeStep({ run, phase, shards, options });
    shards = following;
    // Steps that never wait for anything outside would leave signals and timers unheard.
    await nextTurn();
    count({ position, result: step.result, until: phase.until });
    const atEnd = isOver({ position, phase });
    const validation = await validateWhenDue({ run, phase, where: step.where, atEnd, options });
    await writeLog({ run, phase, step, atEnd, validation });
    if (!step.result.updated) {
      const { folder, badStepsAllowed, onNotice } = options;
      const { checkpoint } = run;
      await reportBadStep({ ...step, folder, position, phase, badStepsAllowed, checkpoint, onNotice });
    }
    tellProgress({ run, phase, step, validation, options });
    agreed = step.result.wishes;
    const isDue = agreed?.save ?? isSaveDue({ run, options, step: position.step });
    if (atEnd || (mayStop({ run, phase }) && (validation?.best || isDue))) await run.save();
    if (phase.source.weightsEvery !== undefined && !atEnd) shards = await batchOf({ run, phase });
  }
  run.endPhase(phase);
  return 'over';
}

/** Whether a run may stop or be saved where it stands: not between batches that were made with the same weights. */
function mayStop({ run: { position }, phase }: { run: OpenRun; phase: TrainingPhase }): boolean {
  return position.phaseStep % (phase.source.weightsEvery ?? 1) === 0;
}

/** The batch of the step that a run stands before; what it cannot be made for leaves the run saved. */
async function batchOf({ run, phase }: { run: OpenRun; phase: TrainingPhase }): Promise<unknown[]> {
  const { position, engine } = run;
  if (phase.source.weightsEvery === undefined || !mayStop({ run, phase }))
    return phase.source.batch(position.phaseStep);
  await engine.store();
  run.giveWeights();
  try {
    return await phase.source.batch(position.phaseStep);
  } catch (error) {
    if (position.step > 0) await run.save();
    throw error;
  }
}

/** At a phase's first step: a fresh optimizer, and no best loss, which would be of other tokens. */
function beginPhase({ run: { position, state }, phase }: { run: OpenRun; phase: TrainingPhase }): void {
  position.phaseName = phase.name;
  if (position.phaseStep > 0) return;
  if (phase.optimizer !== 'kept') {
    state.firstMoments.fill(0);
    state.secondMoments.fill(0);
    position.updates = 0;
  }
  delete position.best;
}

function isOver({
  position: { phaseStep, mastery = 0 },
  phase: { steps, until },
}: {
  position: RunPosition;
  phase: TrainingPhase;
}): boolean {
  return phaseStep >= steps || (until !== undefined && mastery >= until.atLeast);
}

/** Computes one step; the batch of the next one is laid out while the workers are at it. */
async function computeStep({
  run,
  phase,
  shards,
  options,
}: {
  run: OpenRun;
  phase: TrainingPhase;
  shards: unknown[];
  options: StepOptions;
}): Promise<FinishedStep & { following: unknown[] }> {
  const { position, engine, checkpoint } = run;
  const { settings, clipNorm, logSteps, seed } = options;
  const where = `step ${position.step + 1} (phase "${phase.name}")`;
  const learningRate = learningRateAt({ schedule: phase.schedule, step: position.phaseStep, steps: phase.steps });
  const isLast = position.phaseStep + 1 === phase.steps;
  const measured = (position.step + 1) % logSteps === 0 || isLast;
  const [result, following] = await Promise.all([
    engine
      .step({
        shards,
        learningRate,
        step: position.updates + 1,
        settings,
        clipNorm,
        measure: measured,
        draw: hashCounters(seed, position.phase, position.phaseStep),
        ...(run.ranks.size > 1 && {
          wishes: {
            stop: options.signal?.aborted === true,
            save: isSaveDue({ run, options, step: position.step + 1 }),
          },
        }),
      })
      .catch((error: unknown) => {
        throw explainMemory({ error, where, checkpoint });
      }),
    isLast || phase.source.weightsEvery !== undefined ? [] : phase.source.batch(position.phaseStep + 1),
  ]);
  return { where, shards, learningRate, measured, result, following };
}

/** Moves a run's position past a step. */
function count({
  position,
  result: { loss, gradientNorm, metrics, updated },
  until,
}: {
  position: RunPosition;
  result: StepResult;
  until: MasteryGoal | undefined;
}): void {
  position.phaseStep++;
  position.step++;
  position.metrics = { loss, gradientNorm, ...metrics };
  if (updated) {
    position.updates++;
    position.badStepsInRow = 0;
  } else {
    position.skippedSteps++;
    position.badStepsInRow++;
  }
  if (until && updated) {
    const before = position.mastery ?? 0;
    position.mastery = before + ((metrics[until.metric] ?? 0) - before) / (until.window ?? 50);
  }
}

/** The loss over the held-out examples, and whether it is the phase's lowest, where the step is one after which it is asked for. */
interface Validation {
  loss: number;
  best: boolean;
}

async function validateWhenDue({
  run: { engine, position, checkpoint },
  phase: { validation },
  where,
  atEnd,
  options: { validationSteps },
}: {
  run: OpenRun;
  phase: TrainingPhase;
  where: string;
  atEnd: boolean;
  options: StepOptions;
}): Promise<Validation | undefined> {
  if (!validation || (position.phaseStep % validationSteps !== 0 && !atEnd)) return undefined;
  const loss = await validate({ engine, validation, where, checkpoint });
  const best = Number.isFinite(loss) && loss < (position.best?.loss ?? Infinity);
  if (best) position.best = { loss, step: position.step };
  return { loss, best };
}

/** Writes a step's line, where it has one. */
async function writeLog({
  run: { log, position },
  phase,
  step: { result, learningRate, measured },
  atEnd,
  validation,
}: {
  run: OpenRun;
  phase: TrainingPhase;
  step: FinishedStep;
  atEnd: boolean;
  validation: Validation | undefined;
}): Promise<void> {
  if (!measured && !atEnd && !validation && result.updated) return;
  await log.write({
    step: position.step,
    phase: position.phase,
    phaseName: phase.name,
    loss: result.loss,
    ...result.metrics,
    gradientNorm: result.gradientNorm,
    learningRate,
    ...(validation && { validationLoss: validation.loss, best: validation.best }),
    ...(result.updated ? {} : { skipped: true }),
  });
}

function tellProgress({
  run,
  phase,
  step: { result, learningRate },
  validation,
  options: { phases, onProgress },
}: {
  run: OpenRun;
  phase: TrainingPhase;
  step: FinishedStep;
  validation: Validation | undefined;
  options: StepOptions;
}): void {
  const { position, steps, secondsLeft } = run;
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
    ...(validation && { validationLoss: validation.loss }),
    learningRate,
    gradientNorm: result.gradientNorm,
    secondsLeft,
    ...(result.waited !== undefined && { waitedSeconds: result.waited / 1000 }),
  });
}

function isSaveDue({
  run: { secondsUnsaved },
  options: { checkpointSteps, checkpointSeconds },
  step,
}: {
  run: OpenRun;
  options: StepOptions;
  /** Of the run, after which the checkpoint would be written. */
  step: number;
}): boolean {
  return checkpointSteps ? step % checkpointSteps === 0 : secondsUnsaved > checkpointSeconds;
}
