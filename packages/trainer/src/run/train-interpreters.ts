import { Reasoner } from '@subtext/reasoner';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { TrainerError } from '../errors';
import type { InterpreterPart } from '../interpreters/interpreter-options';
import { prepareInterpreters } from '../interpreters/prepare-interpreters';
import { saveInterpreters } from '../interpreters/save-interpreters';
import { followLog } from '../logs/log-follower';
import { train } from '../loop/train';
import type { TrainingOutcome } from '../loop/train-options';
import { createProgram } from '../loop/training-engine';
import { reasonerPhases } from '../phases/reasoner-phases';
import type { ReasonerData } from '../sources/laid-out-examples';
import type { LoopSettings } from './carry-out';
import { planInterpreters } from './plan-phases';
import type { RunInterpreterOptions, TrainRunOptions } from './run-options';
import { trainingDefaults, type TrainingOptions } from './training-options';

/** What is trained after the reasoner, in this order. */
export function partsAfter(interpreters: RunInterpreterOptions | undefined): InterpreterPart[] {
  return [
    ...(interpreters?.mode === 'after' ? ['interpreters' as const] : []),
    ...(interpreters?.blind === true && interpreters.keep !== false ? ['blind-interpreters' as const] : []),
  ];
}

/** Throws `invalid-option` where blind interpreters have no other example in a shard to exchange thoughts with. */
export function checkPartsAfter({
  interpreters,
  training,
  shards,
}: {
  interpreters: RunInterpreterOptions | undefined;
  training: TrainingOptions;
  shards: number;
}): void {
  if (!partsAfter(interpreters).includes('blind-interpreters')) return;
  const batchSize = interpreters?.schedule?.batchSize ?? training.batchSize ?? trainingDefaults.batchSize;
  if (batchSize >= 2 * shards) return;
  throw new TrainerError({
    code: 'invalid-option',
    message: `Blind interpreters exchange thoughts within a shard, and ${batchSize} examples a step in ${shards} shards leave one each. Take a larger batch, or fewer shards.`,
  });
}

/**
 * Trains interpreters on a reasoner that has been trained and saved, and stays as it is. The second part of a run: it has
 * its own log and checkpoints in the folder `interpreters` of the run, and is resumed like the first. Blind ones are trained on
 * other examples' thoughts, in `blind-interpreters`.
 */
export async function trainInterpreters({
  run,
  interpreters,
  stages,
  seed,
  reasoner: reasonerFolder,
  folders,
  baseModel,
  data,
  newTokens,
  loop,
  part = 'interpreters',
}: {
  run: Pick<TrainRunOptions, 'folder' | 'heldOut' | 'include' | 'loggers' | 'record' | 'training' | 'onEvent'>;
  interpreters: RunInterpreterOptions;
  stages: readonly string[];
  seed: number;
  /** The trained reasoner's folder. */
  reasoner: string;
  /** Where the interpreters are saved. */
  folders: readonly string[];
  /** What an adapter's config names as the model beneath it. */
  baseModel: string | null;
  data: ReasonerData;
  newTokens: readonly number[];
  /** How the run is trained, shared with its first part. */
  loop: LoopSettings;
  /** @default 'interpreters' */
  part?: InterpreterPart;
}): Promise<Pick<TrainingOutcome, 'status' | 'steps' | 'seconds'>> {
  const { training = {}, record = {}, onEvent } = run;
  const own = join(run.folder, part);
  await mkdir(own, { recursive: true });
  const reasoner = await Reasoner.load({ folder: reasonerFolder });
  const prepared = await prepareInterpreters({
    reasoner,
    reasonerOptions: { model: { kind: 'folder', folder: reasonerFolder }, include: run.include },
    stages,
    examples: data.examples,
    folder: join(run.folder, 'initial', part),
    seed,
    newTokens,
    interpreters,
    blind: part === 'blind-interpreters',
  });
  const { source, objectives } = prepared;
  const program = await createProgram(source);
  const phases = data.method.curriculum({ stages });
  // All that is hidden at the end; a phase with every number of thoughts would explain the same ones again.
  const phase = phases.filter(({ halting }) => halting === undefined).at(-1)!;
  const plans = [
    planInterpreters({ phase, examples: data.examples.length, training, schedule: interpreters.schedule }),
  ];
  const follower = followLog({
    loggers: (await run.loggers?.()) ?? [],
    folder: own,
    configuration: record,
    onNotice: (notice) => onEvent?.({ event: 'notice', notice }),
  });
  try {
    const outcome = await train({
      ...loop,
      folder: own,
      source,
      program,
      phases: reasonerPhases({
        plans,
        data: { ...data, context: reasoner.layoutContext() },
        objectives,
        heldOut: run.heldOut,
      }),
      onProgress: (progress) => {
        follower.step();
        onEvent?.({ event: 'progress', part, progress });
      },
    }).catch(async (error: unknown) => {
      await follower.finish({ status: 'failed' });
      throw error;
    });
    await follower.finish({ status: outcome.status });
    onEvent?.({ event: 'end-progress' });
    if (outcome.status === 'finished') await saveInterpreters({ prepared, program, folders, seed, baseModel });
    else onEvent?.({ event: 'stopped', part, step: outcome.steps });
    return outcome;
  } finally {
    reasoner.dispose();
  }
}
