import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { TrainerError } from '../errors';
import type { SharedState } from '../parallel/shared-state';
import { writeError } from './atomic-files';
import { brokenCheckpoint, loadCheckpoint, positionName, type RunPosition } from './checkpoint';

/** The folders of whole checkpoints, newest first. Temporary ones are not listed. */
export async function listCheckpoints(folder: string): Promise<{ step: number; path: string }[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return names
    .filter((name) => /^step-\d{8,}$/.test(name))
    .map((name) => ({ step: Number(name.slice('step-'.length)), path: join(folder, name) }))
    .sort((a, b) => b.step - a.step);
}

/**
 * The newest checkpoint that is whole, loaded; broken ones are named, set aside (`….broken`, at most the last one is
 * kept) and passed over for the one before. What killed processes left half written is removed. For the holder of
 * the run's lock only. Throws `checkpoint-mismatch` for one of another run.
 */
export async function resumeNewest({
  folder,
  state,
  fingerprint,
  fault,
  onBroken,
}: {
  folder: string;
  state: SharedState;
  fingerprint: string;
  /** What is wrong with where a checkpoint of this run says that it stands. @default nothing is */
  fault?: (position: RunPosition) => string | undefined;
  /** Told of each checkpoint that was passed over. */
  onBroken?: (error: TrainerError) => void;
}): Promise<RunPosition | undefined> {
  await removeLeftovers(folder);
  for (const { path } of await listCheckpoints(folder)) {
    try {
      const position = await loadCheckpoint({ path, state });
      if (position.fingerprint !== fingerprint) {
        throw new TrainerError({
          code: 'checkpoint-mismatch',
          message: `The checkpoint ${path} was made with another configuration or other data. Take another output folder, or delete this one to start anew.`,
        });
      }
      const wrong = fault?.(position);
      if (wrong !== undefined) throw brokenCheckpoint({ path, reason: `${positionName} ${wrong}` });
      return position;
    } catch (error) {
      if (!TrainerError.isInstance(error) || error.code !== 'invalid-checkpoint') throw error;
      onBroken?.(error);
      await setAside(path);
    }
  }
  return undefined;
}

/** A broken checkpoint must not be counted among the newest ones that are kept, or stand in the way of a good one. */
async function setAside(path: string): Promise<void> {
  try {
    await rm(`${path}.broken`, { recursive: true, force: true });
    await rename(path, `${path}.broken`);
  } catch (error) {
    throw writeError({ path, error });
  }
}

async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const broken = names.filter((name) => /^step-\d{8,}\.broken$/.test(name)).sort();
  const temporary = names.filter((name) => /^step-\d{8,}\.(tmp|gone)$/.test(name));
  for (const name of [...temporary, ...broken.slice(0, -1)])
    await rm(join(folder, name), { recursive: true, force: true });
}

/** Deletes all but the newest `keep` checkpoints and the best one. Each loses its name before its files. */
export async function pruneCheckpoints({
  folder,
  keep,
  bestStep,
}: {
  folder: string;
  keep: number;
  bestStep?: number;
}): Promise<void> {
  const checkpoints = await listCheckpoints(folder);
  for (const { step, path } of checkpoints.slice(Math.max(1, keep))) {
    if (step === bestStep) continue;
    await rename(path, `${path}.gone`);
    await rm(`${path}.gone`, { recursive: true, force: true });
  }
}
