import { openSafetensors, writeSafetensors } from '@subtext/safetensors';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { TrainerError } from '../errors';
import type { SharedState } from '../parallel/shared-state';
import { fileDigest, syncFolder, writeError, writeSynced } from './atomic-files';

/** Where a run stands; with the weights and the optimizer's moments, everything that the rest of the run depends on. */
export interface RunPosition {
  /** Identifies configuration, data and program; a checkpoint of another run is refused. */
  fingerprint: string;
  /** Phase being trained, from 0, and its name. */
  phase: number;
  phaseName: string;
  /** Steps done in the phase. */
  phaseStep: number;
  /** Optimizer updates done in the phase: bad steps do not count. */
  updates: number;
  /** Steps done in all. */
  step: number;
  /** Bytes of `log.jsonl` that belong to these steps. */
  logBytes: number;
  /** Steps skipped because loss or gradient were not finite. */
  skippedSteps: number;
  /** Lowest validation loss so far, and the step it was reached at. */
  best?: { loss: number; step: number };
}

const FORMAT = 1;
const manifestName = 'manifest.json';

/** `step-00000120`: sorts by step. */
function folderName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/**
 * Writes a checkpoint: files into a temporary folder, each synced; the manifest with their sizes and SHA-256 last;
 * then the folder takes its name. A process killed at any moment leaves a whole checkpoint or none.
 */
export async function saveCheckpoint({
  folder,
  state,
  position,
}: {
  /** The run's checkpoint folder. */
  folder: string;
  state: SharedState;
  position: RunPosition;
}): Promise<string> {
  const target = join(folder, folderName(position.step));
  const temporary = `${target}.tmp`;
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    const tensorsOf = (array: Float32Array) =>
      Object.fromEntries(
        state.spans.map(({ name, shape, offset, length }) => [name, { dtype: 'F32' as const, shape, data: array.slice(offset, offset + length) }]),
      );
    await writeSafetensors({ path: join(temporary, 'weights.safetensors'), tensors: tensorsOf(state.parameters) });
    await writeSafetensors({ path: join(temporary, 'first-moments.safetensors'), tensors: tensorsOf(state.firstMoments) });
    await writeSafetensors({ path: join(temporary, 'second-moments.safetensors'), tensors: tensorsOf(state.secondMoments) });
    await writeSynced({ path: join(temporary, 'position.json'), data: `${JSON.stringify(position, null, 2)}\n` });
    const files: Record<string, { bytes: number; sha256: string }> = {};
    for (const name of (await readdir(temporary)).sort()) files[name] = await fileDigest(join(temporary, name));
    await writeSynced({ path: join(temporary, manifestName), data: `${JSON.stringify({ format: FORMAT, files }, null, 2)}\n` });
    await syncFolder(temporary);
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
    await syncFolder(folder);
    return target;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw writeError({ path: target, error });
  }
}

/** Reads a checkpoint into the shared state, after checking every file against the manifest. Throws `CHECKPOINT_BROKEN`. */
export async function loadCheckpoint({ path, state }: { path: string; state: SharedState }): Promise<RunPosition> {
  const broken = (reason: string, cause?: unknown) =>
    new TrainerError({ code: 'CHECKPOINT_BROKEN', message: `The checkpoint ${path} is broken: ${reason}.`, cause });
  let manifest: { format: number; files: Record<string, { bytes: number; sha256: string }> };
  try {
    manifest = JSON.parse(await readFile(join(path, manifestName), 'utf8'));
  } catch (error) {
    throw broken('its manifest is missing or cannot be read', error);
  }
  if (manifest.format !== FORMAT || typeof manifest.files !== 'object') throw broken(`it has format ${manifest.format}, not ${FORMAT}`);
  for (const [name, expected] of Object.entries(manifest.files)) {
    const found = await fileDigest(join(path, name)).catch((error: unknown) => {
      throw broken(`${name} cannot be read`, error);
    });
    if (found.bytes !== expected.bytes) throw broken(`${name} has ${found.bytes} bytes instead of ${expected.bytes}`);
    if (found.sha256 !== expected.sha256) throw broken(`${name} does not match its SHA-256`);
  }
  const position = JSON.parse(await readFile(join(path, 'position.json'), 'utf8')) as RunPosition;
  for (const [file, array] of [
    ['weights', state.parameters],
    ['first-moments', state.firstMoments],
    ['second-moments', state.secondMoments],
  ] as const) {
    const tensors = await openSafetensors(join(path, `${file}.safetensors`));
    try {
      const names = new Set(tensors.names);
      for (const { name, shape, offset } of state.spans) {
        if (!names.has(name) || tensors.entry(name).shape.join() !== shape.join()) {
          throw new TrainerError({
            code: 'CHECKPOINT_MISMATCH',
            message: `The checkpoint ${path} belongs to another model: ${file}.safetensors has no "${name}" of shape [${shape.join(', ')}].`,
          });
        }
        array.set(await tensors.readFloat32(name), offset);
      }
    } finally {
      await tensors.close();
    }
  }
  return position;
}

/** The folders of whole checkpoints, newest first. Temporary ones are not listed. */
export async function listCheckpoints(folder: string): Promise<{ step: number; path: string }[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return names
    .filter((name) => /^step-\d{8,}$/.test(name))
    .map((name) => ({ step: Number(name.slice('step-'.length)), path: join(folder, name) }))
    .sort((a, b) => b.step - a.step);
}

/** The newest checkpoint that is whole, loaded; broken ones are named and passed over for the one before. */
export async function resumeNewest({
  folder,
  state,
  fingerprint,
  onBroken,
}: {
  folder: string;
  state: SharedState;
  fingerprint: string;
  /** Told of each checkpoint that was passed over. */
  onBroken?: (error: TrainerError) => void;
}): Promise<RunPosition | undefined> {
  for (const { path } of await listCheckpoints(folder)) {
    try {
      const position = await loadCheckpoint({ path, state });
      if (position.fingerprint !== fingerprint) {
        throw new TrainerError({
          code: 'CHECKPOINT_MISMATCH',
          message: `The checkpoint ${path} was made with another configuration or other data. Take another output folder, or delete this one to start anew.`,
        });
      }
      return position;
    } catch (error) {
      if (!TrainerError.isInstance(error) || error.code !== 'CHECKPOINT_BROKEN') throw error;
      onBroken?.(error);
    }
  }
  return undefined;
}

/** Deletes all but the newest `keep` checkpoints and the best one. */
export async function pruneCheckpoints({ folder, keep, bestStep }: { folder: string; keep: number; bestStep?: number }): Promise<void> {
  const checkpoints = await listCheckpoints(folder);
  for (const { step, path } of checkpoints.slice(keep)) {
    if (step !== bestStep) await rm(path, { recursive: true, force: true });
  }
}
