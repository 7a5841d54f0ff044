import { syncFolder } from '@subtext/core/node';
import { hashCounters } from '@subtext/reasoner';
import { engineName } from '@subtext/tensor';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { writeError } from '../checkpoint/atomic-files';
import { type RunPosition, saveCheckpoint } from '../checkpoint/checkpoint';
import { pruneCheckpoints, resumeNewest } from '../checkpoint/newest-checkpoint';
import { RunFolder } from '../checkpoint/run-folder';
import { type AdamWSettings, defaultAdamW } from '../optimizer/host-adamw';
import { learningRateAt } from '../optimizer/learning-rate';
import { reportBadStep } from './bad-steps';
import { explainMemory } from './out-of-memory';
import { RunLog } from './run-log';
import type { TrainingOutcome, TrainOptions } from './train-options';
import { startTrainingEngine } from './training-engine';
import { validate } from './validate';
import { newState, readVariables, takeBest, writeVariables } from './weights';

export type {
  TrainingOutcome,
  TrainingPhase,
  TrainingProgress,
  TrainOptions,
  ValidationBatches,
} from './train-options';

/** Trains a program through its phases, each with a fresh optimizer. Resumes where an earlier run of the same configuration stopped. */
export async function train({
  folder,
  runFolder,
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
  validationSteps = 100,
  finalWeights = 'last',
  seed = 0,
  method,
  badStepsAllowed = 5,
  signal,
  onCheckpoint,
  onProgress,
  onNotice,
  onPhaseEnd,
}: TrainOptions): Promise<TrainingOutcome> {
  const settings: AdamWSettings = { ...defaultAdamW, ...optimizer };
  const checkpoints = join(folder, 'checkpoints');
  const own = runFolder ? undefined : await RunFolder.open({ folder, fingerprint });
  try {
    await makeFolder(checkpoints);
    const state = newState({ program, shards });
    await readVariables({ program, state });
    const position: RunPosition = (await resumeNewest({
      folder: checkpoints,
      state,
      fingerprint,
      fault: (found) => faultOf({ position: found, phases }),
      onBroken: (error) => onNotice?.(`${error.message} Taking the one before.`),
    })) ?? {
      fingerprint,
      phase: 0,
      phaseName: phases[0]?.name ?? '',
      phaseStep: 0,
      updates: 0,
      step: 0,
      logBytes: 0,
      skippedSteps: 0,
      badStepsInRow: 0,
      method,
    };
    // Phases that ended early, on mastery, leave fewer steps than they were given.
    let steps =
      position.step - position.phaseStep + phases.slice(position.phase).reduce((sum, phase) => sum + phase.steps, 0);
    if (position.step > 0) onNotice?.(`Resuming at step ${position.step} of ${steps} (${position.phaseName}).`);
    if (position.engine !== undefined && position.engine !== engineName()) {
      onNotice?.(
        `The checkpoint was computed on the engine ${position.engine}; the rest runs on ${engineName()}, which rounds otherwise.`,
      );
    }
    position.engine = engineName();
    let checkpoint = position.step > 0 ? position.step : undefined;
    const log = await RunLog.open({ path: join(folder, 'log.jsonl'), bytes: position.logBytes });
    if (log.bytes < position.logBytes)
      onNotice?.(
        `The log is shorter than when the checkpoint was written: lines before step ${position.step} are missing.`,
      );
    const engine = await startTrainingEngine({ source, program, state, workers }).catch(async (error: unknown) => {
      await log.close();
      throw explainMemory({ error, where: `the start of ${workers} workers`, checkpoint });
    });

    const began = performance.now();
    const secondsBefore = position.seconds ?? 0;
    const save = async () => {
      position.seconds = secondsBefore + (performance.now() - began) / 1000;
      onCheckpoint?.({ step: position.step, state: 'begin' });
      await log.sync();
      position.logBytes = log.bytes;
      await engine.store();
      await saveCheckpoint({ folder: checkpoints, state, position });
      checkpoint = position.step;
      onCheckpoint?.({ step: position.step, state: 'end' });
      await pruneCheckpoints({ folder: checkpoints, keep: keepCheckpoints, bestStep: position.best?.step });
    };
    const outcome = (status: TrainingOutcome['status'], weightsOfStep = position.step): TrainingOutcome => ({
      status,
      steps: position.step,
      skippedSteps: position.skippedSteps,
      ...(position.best && { best: position.best }),
      weightsOfStep,
      seconds: secondsBefore + (performance.now() - began) / 1000,
    });

    try {
      let lastSave = performance.now();
      const stepAtBegin = position.step;
      for (; position.phase < phases.length; position.phase++, position.phaseStep = 0, position.mastery = undefined) {
        const phase = phases[position.phase]!;
        position.phaseName = phase.name;
        if (position.phaseStep === 0) {
          if (phase.optimizer !== 'kept') {
            state.firstMoments.fill(0);
            state.secondMoments.fill(0);
            position.updates = 0;
          }
          delete position.best;
        }
        const { until } = phase;
        const isOver = () =>
          position.phaseStep >= phase.steps || (until !== undefined && (position.mastery ?? 0) >= until.atLeast);
        let next = isOver() ? [] : await phase.source.batch(position.phaseStep);
        while (!isOver()) {
          if (signal?.aborted) {
            await save();
            writeVariables({ program, state });
            return outcome('stopped');
          }
          const where = `step ${position.step + 1} (phase "${phase.name}")`;
          const batch = next;
          const learningRate = learningRateAt({
            schedule: phase.schedule,
            step: position.phaseStep,
            steps: phase.steps,
          });
          const isLast = position.phaseStep + 1 === phase.steps;
          const measured = (position.step + 1) % logSteps === 0 || isLast;
          // The next batch is laid out while the workers compute this one.
          const [result, following] = await Promise.all([
            engine
              .step({
                shards: batch,
                learningRate,
                step: position.updates + 1,
                settings,
                clipNorm,
                measure: measured,
                draw: hashCounters(seed, position.phase, position.phaseStep),
              })
              .catch((error: unknown) => {
                throw explainMemory({ error, where, checkpoint });
              }),
            isLast ? [] : phase.source.batch(position.phaseStep + 1),
          ]);
          next = following;
          // Steps that never wait for anything outside would leave signals and timers unheard.
          await nextTurn();
          position.phaseStep++;
          position.step++;
          position.metrics = { loss: result.loss, gradientNorm: result.gradientNorm, ...result.metrics };
          if (result.updated) {
            position.updates++;
            position.badStepsInRow = 0;
          } else {
            position.skippedSteps++;
            position.badStepsInRow++;
          }
          if (until && result.updated) {
            const before = position.mastery ?? 0;
            position.mastery = before + ((result.metrics[until.metric] ?? 0) - before) / (until.window ?? 50);
          }
          const atEnd = isOver();
          const logged = measured || atEnd;
          const validated = phase.validation && (position.phaseStep % validationSteps === 0 || atEnd);
          const validationLoss = validated
            ? await validate({ engine, validation: phase.validation!, where, checkpoint })
            : undefined;
          const best =
            validationLoss !== undefined &&
            Number.isFinite(validationLoss) &&
            validationLoss < (position.best?.loss ?? Infinity);
          if (best) position.best = { loss: validationLoss, step: position.step };
          if (logged || validated || !result.updated) {
            await log.write({
              step: position.step,
              phase: position.phase,
              phaseName: phase.name,
              loss: result.loss,
              ...result.metrics,
              gradientNorm: result.gradientNorm,
              learningRate,
              ...(validated && { validationLoss, best }),
              ...(result.updated ? {} : { skipped: true }),
            });
          }
          if (!result.updated)
            await reportBadStep({
              folder,
              position,
              result,
              learningRate,
              phase,
              shards: batch,
              badStepsAllowed,
              checkpoint,
              onNotice,
            });
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
            ...(validated && { validationLoss }),
            learningRate,
            gradientNorm: result.gradientNorm,
            secondsLeft: (elapsed / (position.step - stepAtBegin)) * (steps - position.step),
          });
          const due = checkpointSteps
            ? position.step % checkpointSteps === 0
            : performance.now() - lastSave > checkpointSeconds * 1000;
          if (due || atEnd || best) {
            await save();
            lastSave = performance.now();
          }
        }
        steps -= phase.steps - position.phaseStep;
        writeVariables({ program, state });
        await onPhaseEnd?.({ phase: position.phase, name: phase.name });
      }
      const weightsOfStep =
        finalWeights === 'best' ? await takeBest({ folder: checkpoints, state, position, onNotice }) : position.step;
      writeVariables({ program, state });
      return outcome('finished', weightsOfStep);
    } finally {
      await engine.close();
      await log.close().catch(() => undefined);
    }
  } finally {
    await own?.close();
  }
}

/** What is wrong with where a checkpoint says that it stands: one that was not written by this run may lead past its end. */
function faultOf({
  position: { phase, phaseName, phaseStep, step, updates },
  phases,
}: {
  position: RunPosition;
  phases: TrainOptions['phases'];
}): string | undefined {
  const found = phases[phase];
  if (!found || found.name !== phaseName) return `names phase ${phase} "${phaseName}", which the run does not have`;
  if (phaseStep > found.steps || phaseStep > step || updates > step)
    return `says step ${phaseStep} of a phase of ${found.steps}, ${step} in all, ${updates} of them updates`;
  return undefined;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await syncFolder(dirname(folder));
  } catch (error) {
    throw writeError({ path: folder, error });
  }
}
