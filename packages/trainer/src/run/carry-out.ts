import { parseJson } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type CardSubject, writeRunCard } from '../card/run-card';
import { removeCheckpoints } from '../checkpoint/made-files';
import { RunFolder, type RunIdentity } from '../checkpoint/run-folder';
import { agreeOnRun } from '../identity/agree-on-run';
import { recordDifferences } from '../identity/record-differences';
import { followLog } from '../logs/log-follower';
import type { RunLogger } from '../logs/run-logger';
import { train } from '../loop/train';
import type { TrainingOutcome, TrainOptions } from '../loop/train-options';
import type { ProgramSource } from '../loop/training-engine';
import { alone, broadcastText, checkShards } from '../parallel/collective';
import { type EstimatedRun, estimateRun } from './estimate-run';
import { workersOf } from './machine';
import type { RunEvent, RunSettings, SavedModel, TrainRunResult } from './run-options';
import { type LoopOptions, trainingDefaults } from './training-options';

/** What of a run is its own: everything else, from the lock on its folder to its loggers, all runs have in common. */
export interface Trainable extends EstimatedRun {
  source: ProgramSource;
  /** The method with its options, noted in every checkpoint. */
  method: unknown;
  /** What the card of a model says that it saves. */
  subject(kind: SavedModel['kind']): CardSubject;
  /** Saves what was trained; `stopped` where the signal came while more was trained. */
  save(options: { outcome: TrainingOutcome; /** How the rest of the run is trained. */ loop: LoopSettings }): Promise<{
    status: 'finished' | 'stopped';
    models: SavedModel[];
    summary?: Readonly<Record<string, unknown>>;
    /** Seconds that what comes after the reasoner was trained. @default 0 */ seconds?: number;
  }>;
}

/** How `train` is called for each part of a run. */
export type LoopSettings = Omit<TrainOptions, 'folder' | 'runFolder' | 'source' | 'program' | 'phases' | 'onProgress'>;

/**
 * Carries out a run: nothing is written before everything that was given has been looked at (`open`); a run that is
 * finished is not repeated, one that was interrupted is resumed. Throws `run-exists` and what opening and training throw.
 */
export async function carryOut({
  settings,
  identity,
  training,
  interpreters,
  open,
}: {
  settings: RunSettings;
  identity: RunIdentity;
  training: LoopOptions;
  /** Folders that interpreters are saved to. */
  interpreters: string[];
  /** Looks at everything that was given, then gives what builds the program, with files of its own in `work`. */
  open: () => Promise<(options: { work: string }) => Promise<Trainable>>;
}): Promise<TrainRunResult> {
  const { collective = alone, ranks } = settings;
  const { folder, overwrite = false, dryRun = false, record = {}, incidental = [], seed = 1, signal } = settings;
  const tell = (event: RunEvent): void => settings.onEvent?.(event);
  const result = { reasoner: join(folder, 'reasoner'), interpreters, log: join(folder, 'log.jsonl') };
  const describe = (found: { folder: string; parts: readonly string[] }) =>
    recordDifferences({ ...found, record, incidental });
  const notice = (text: string) => tell({ event: 'notice', notice: text });
  const run = { folder, ...identity, overwrite, describe, onNotice: notice };
  const finished = async () => ({ ...result, status: 'finished' as const, seconds: await secondsOf(folder) });
  if (!dryRun) {
    checkShards({ collective, shards: training.shards ?? trainingDefaults.shards });
    await agreeOnRun({ collective, identity });
    const { state } = await RunFolder.inspect(run);
    if ((await broadcastText({ collective, text: state })) === 'finished')
      return collective.rank === 0 ? finished() : { ...result, status: 'finished', seconds: 0 };
  }
  const loggers: RunLogger[] = dryRun ? [] : ((await settings.loggers?.()) ?? []);
  const report = await settings.report?.();
  const build = await open();
  // From here on nothing is wrong with what was given: a model or examples that do not fit leave no folder behind.
  const runFolder = dryRun ? undefined : await RunFolder.open(run);
  const work = runFolder ? folder : await mkdtemp(join(tmpdir(), 'subtext-dry-run-'));
  try {
    if (runFolder?.state === 'finished') return await finished();
    if (report !== undefined)
      await runFolder?.write({ name: 'data.json', data: `${JSON.stringify(report, null, 2)}\n` });
    await runFolder?.write({ name: 'configuration.json', data: `${JSON.stringify(record, null, 2)}\n` });
    const trainable = await build({ work });
    const shards = training.shards ?? trainingDefaults.shards;
    const parameters = trainable.program.parameters.reduce((sum, { variable }) => sum + variable.size, 0);
    const workers = workersOf({ workers: settings.workers, shards, parameters, collective });
    if (dryRun || (collective.rank === 0 && !existsSync(join(folder, 'checkpoints')))) {
      const estimate = await estimateRun({ ...trainable, shards, workers }).catch(async (error: unknown) => {
        await runFolder?.discard();
        throw error;
      });
      tell({ event: 'estimate', estimate, whole: dryRun });
    }
    if (!runFolder) return { ...result, status: 'estimated', seconds: 0 };
    const loop: LoopSettings = {
      fingerprint: identity.fingerprint,
      collective,
      ranks,
      workers,
      shards,
      ...loopSettings({ training, seed }),
      method: trainable.method,
      signal,
      onNotice: notice,
    };
    const processor = process.cpuUsage();
    const follower = followLog({ loggers, folder, configuration: record, onNotice: notice });
    const began = performance.now();
    let step = 0;
    const outcome = await train({
      ...loop,
      folder,
      runFolder,
      source: trainable.source,
      program: trainable.program,
      phases: trainable.phases,
      onProgress: (progress) => {
        follower.step();
        step = progress.step;
        tell({ event: 'progress', part: 'reasoner', progress });
      },
      onPhaseEnd: async ({ name }) => {
        tell({ event: 'phase', phase: name, step, seconds: (performance.now() - began) / 1000 });
      },
    }).catch(async (error: unknown) => {
      await follower.finish({ status: 'failed' });
      throw error;
    });
    tell({ event: 'end-progress' });
    const { steps, skippedSteps } = outcome;
    let { seconds } = outcome;
    if (outcome.status === 'stopped') {
      await follower.finish({ status: 'stopped' });
      tell({ event: 'stopped', part: 'reasoner', step: steps });
      return { ...result, status: 'stopped', seconds };
    }
    const saved = await trainable.save({ outcome, loop });
    seconds += saved.seconds ?? 0;
    if (saved.status === 'stopped') {
      await follower.finish({ status: 'stopped' });
      return { ...result, status: 'stopped', seconds };
    }
    if (settings.card !== false)
      for (const model of saved.models)
        await writeRunCard({
          model,
          run: folder,
          subject: { ...trainable.subject(model.kind), data: settings.card?.data(model.examples) },
        });
    const { user, system } = process.cpuUsage(processor);
    await runFolder.finish({
      fingerprint: identity.fingerprint,
      steps,
      skippedSteps,
      ...saved.summary,
      seconds,
      processorSeconds: (user + system) / 1e6,
      ...settings.summary?.(),
    });
    for (const part of ['interpreters', 'blind-interpreters'])
      await removeCheckpoints(join(folder, part, 'checkpoints'));
    // Loggers come last: what was trained is safe whatever becomes of them.
    await follower.finish({ status: 'finished' });
    tell({ event: 'trained', steps, skippedSteps, seconds });
    return { ...result, status: 'finished', seconds };
  } finally {
    await runFolder?.close();
    if (!runFolder) await rm(work, { recursive: true, force: true });
  }
}

/** The options of the loop, with their defaults. */
function loopSettings({
  training,
  seed,
}: {
  training: LoopOptions;
  seed: number;
}): Pick<
  TrainOptions,
  | 'optimizer'
  | 'clipNorm'
  | 'checkpointSeconds'
  | 'checkpointSteps'
  | 'keepCheckpoints'
  | 'logSteps'
  | 'validationSteps'
  | 'finalWeights'
  | 'seed'
> {
  return {
    optimizer: {
      beta2: training.beta2 ?? trainingDefaults.beta2,
      weightDecay: training.weightDecay ?? trainingDefaults.weightDecay,
    },
    clipNorm: training.clipNorm ?? trainingDefaults.clipNorm,
    checkpointSeconds: training.checkpointSeconds ?? trainingDefaults.checkpointSeconds,
    checkpointSteps: training.checkpointSteps,
    keepCheckpoints: training.keepCheckpoints ?? trainingDefaults.keepCheckpoints,
    logSteps: training.logSteps ?? trainingDefaults.logSteps,
    validationSteps: training.validation?.steps ?? trainingDefaults.validationSteps,
    finalWeights: training.finalWeights ?? trainingDefaults.finalWeights,
    seed,
  };
}

/** How long a finished run trained, as its folder says. */
async function secondsOf(folder: string): Promise<number> {
  const path = join(folder, 'finished.json');
  const { seconds } = parseJson({ text: await readTextFile({ path, maximumBytes: 2 ** 20 }), name: path }) as {
    seconds?: unknown;
  };
  return typeof seconds === 'number' ? seconds : 0;
}
