import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { alone } from '../parallel/collective';
import type { RunSettings, TrainRunResult } from './run-options';

/**
 * Carries out a run as one of several ranks. The first one has the run's folder and tells what is going on; the others have
 * a folder for the time of the run, and are silent.
 */
export async function asRank<Options extends RunSettings>({
  options,
  run,
}: {
  options: Options;
  run: (options: Options) => Promise<TrainRunResult>;
}): Promise<TrainRunResult> {
  const { collective = alone, dryRun, folder } = options;
  if (collective.rank === 0) return run(options);
  const result = { reasoner: join(folder, 'reasoner'), interpreters: [], log: join(folder, 'log.jsonl') };
  if (dryRun) return { ...result, status: 'estimated', seconds: 0 };
  const own = await mkdtemp(join(tmpdir(), 'subtext-rank-'));
  try {
    const silent = {
      loggers: undefined,
      report: undefined,
      summary: undefined,
      onEvent: undefined,
      card: false as const,
    };
    const { status, seconds } = await run({ ...options, ...silent, folder: own, overwrite: false });
    return { ...result, status, seconds };
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
