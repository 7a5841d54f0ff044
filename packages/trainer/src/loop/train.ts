import { RunFolder } from '../checkpoint/run-folder';
import { defaultAdamW } from '../optimizer/host-adamw';
import { alone } from '../parallel/collective';
import { OpenRun } from './open-run';
import { type StepOptions, trainPhase } from './train-phase';
import type { TrainingOutcome, TrainOptions } from './train-options';

export type {
  RanksOptions,
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
  collective = alone,
  ranks = {},
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
  const options: StepOptions = {
    folder,
    phases,
    settings: { ...defaultAdamW, ...optimizer },
    clipNorm,
    checkpointSeconds,
    checkpointSteps,
    logSteps,
    validationSteps,
    seed,
    badStepsAllowed,
    signal,
    onProgress,
    onNotice,
  };
  const own = runFolder ? undefined : await RunFolder.open({ folder, fingerprint });
  try {
    const run = await OpenRun.open({
      folder,
      source,
      program,
      phases,
      fingerprint,
      collective,
      ranks,
      workers,
      shards,
      keepCheckpoints,
      method,
      onCheckpoint,
      onNotice,
    });
    try {
      const { position } = run;
      for (; position.phase < phases.length; position.phase++, position.phaseStep = 0, position.mastery = undefined) {
        const phase = phases[position.phase]!;
        const end = await trainPhase({ run, phase, options });
        run.giveWeights();
        if (end === 'stopped') return run.outcome({ status: 'stopped' });
        await onPhaseEnd?.({ phase: position.phase, name: phase.name });
      }
      const weightsOfStep = finalWeights === 'best' ? await run.takeBest() : position.step;
      run.giveWeights();
      return run.outcome({ status: 'finished', weightsOfStep });
    } finally {
      await run.close();
    }
  } finally {
    await own?.close();
  }
}
