import { Reasoner } from '@subtext/reasoner';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { prepareInterpreters } from '../interpreters/prepare-interpreters';
import { saveInterpreters } from '../interpreters/save-interpreters';
import { followLog } from '../logs/log-follower';
import { train } from '../loop/train';
import { createProgram } from '../loop/training-engine';
import { reasonerPhases } from '../phases/reasoner-phases';
import type { ReasonerData } from '../sources/laid-out-examples';
import type { LoopSettings } from './carry-out';
import { planInterpreters } from './plan-phases';
import type { RunInterpreterOptions, TrainRunOptions } from './run-options';

/**
 * Trains interpreters on a reasoner that has been trained and saved, and stays as it is. The second part of a run: it has
 * its own log and checkpoints in the folder `interpreters` of the run, and is resumed like the first.
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
}: {
  run: Pick<TrainRunOptions, 'folder' | 'heldOut' | 'loggers' | 'record' | 'training' | 'onEvent'>;
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
}): Promise<{ status: 'finished' | 'stopped'; steps: number }> {
  const { training = {}, record = {}, onEvent } = run;
  const own = join(run.folder, 'interpreters');
  await mkdir(own, { recursive: true });
  const reasoner = await Reasoner.load({ folder: reasonerFolder });
  const prepared = await prepareInterpreters({
    reasoner,
    reasonerOptions: { model: { kind: 'folder', folder: reasonerFolder } },
    stages,
    examples: data.examples,
    folder: join(run.folder, 'initial', 'interpreters'),
    seed,
    newTokens,
    interpreters,
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
        onEvent?.({ event: 'progress', part: 'interpreters', progress });
      },
    }).catch(async (error: unknown) => {
      await follower.finish({ status: 'failed' });
      throw error;
    });
    await follower.finish({ status: outcome.status });
    onEvent?.({ event: 'end-progress' });
    if (outcome.status === 'finished') await saveInterpreters({ prepared, program, folders, seed, baseModel });
    else onEvent?.({ event: 'stopped', part: 'interpreters', step: outcome.steps });
    return outcome;
  } finally {
    reasoner.dispose();
  }
}
