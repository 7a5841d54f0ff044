import { syncFolder } from '@subtext/core/node';
import { openSafetensors, writeSafetensors } from '@subtext/safetensors';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { TrainerError } from '../errors';
import type { SharedState } from '../parallel/shared-state';
import { fileDigest, writeAtomically, writeError } from './atomic-files';

/** Where a run stands; with the weights and the optimizer's moments, everything that the rest of the run depends on. */
export interface RunPosition {
  /** Identifies configuration, data and program; a checkpoint of another run is refused. */
  fingerprint: string;
  /** Phase being trained, from 0, and its name. */
  phase: number;
  phaseName: string;
  /** Steps done in the phase. */
  phaseStep: number;
  /** Updates of the optimizer since it was fresh: bad steps do not count. */
  updates: number;
  /** Steps done in all. */
  step: number;
  /** Running mean of the metric that the phase waits for, where mastery ends it. */
  mastery?: number;
  /** Bytes of `log.jsonl` that belong to these steps. */
  logBytes: number;
  /** Steps skipped because loss or gradient were not finite, and how many of them were the last ones, in a row. */
  skippedSteps: number;
  badStepsInRow: number;
  /** What the last step measured. */
  metrics?: { loss: number; gradientNorm: number; [name: string]: number };
  /** Lowest validation loss of the phase so far, and the step it was reached at. Phases predict other tokens: their losses do not compare. */
  best?: { loss: number; step: number };
  /** What computed; another engine goes on within rounding, not to the same bytes. */
  engine?: string;
  /** The method that is trained, with its options, for people and tools that look into a checkpoint. */
  method?: unknown;
}

const FORMAT = 1;
const manifestName = 'manifest.json';
const positionName = 'position.json';
const tensorFiles = ['weights', 'first-moments', 'second-moments'] as const;

interface Manifest {
  format: number;
  files: Record<string, { bytes: number; sha256: string }>;
}

/** `step-00000120`: sorts by step. */
function folderName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/**
 * Writes a checkpoint: files into a temporary folder, each synced; the manifest with their sizes and SHA-256 last;
 * then the folder takes its name. A process killed at any moment leaves a whole checkpoint or none. One of the same
 * step and position that is whole already is left as it is. Throws `WRITE_FAILED`.
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
  const positionText = `${JSON.stringify(position, null, 2)}\n`;
  // Replacing a folder takes two renames; a process killed between them would have lost the checkpoint.
  if (await isWhole({ path: target, positionText })) return target;
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    for (const name of tensorFiles) {
      const array = arrayOf(state, name);
      const tensors = Object.fromEntries(
        state.spans.map(({ name: parameter, shape, offset, length }) => [parameter, { dtype: 'F32' as const, shape, data: array.slice(offset, offset + length) }]),
      );
      await writeSafetensors({ path: join(temporary, `${name}.safetensors`), tensors });
    }
    await writeAtomically({ path: join(temporary, positionName), data: positionText });
    const files: Manifest['files'] = {};
    for (const name of (await readdir(temporary)).sort()) files[name] = await fileDigest(join(temporary, name));
    await writeAtomically({ path: join(temporary, manifestName), data: `${JSON.stringify({ format: FORMAT, files } satisfies Manifest, null, 2)}\n` });
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

function arrayOf(state: SharedState, file: (typeof tensorFiles)[number]): Float32Array {
  return { weights: state.parameters, 'first-moments': state.firstMoments, 'second-moments': state.secondMoments }[file];
}

async function isWhole({ path, positionText }: { path: string; positionText: string }): Promise<boolean> {
  try {
    await verifyCheckpoint(path);
    return (await readFile(join(path, positionName), 'utf8')) === positionText;
  } catch {
    return false;
  }
}

/** Checks every file of a checkpoint against its manifest and gives its position. Throws `CHECKPOINT_BROKEN`. */
export async function verifyCheckpoint(path: string): Promise<RunPosition> {
  const broken = (reason: string, cause?: unknown) =>
    new TrainerError({ code: 'CHECKPOINT_BROKEN', message: `The checkpoint ${path} is broken: ${reason}.`, cause });
  let manifest: Manifest | null;
  try {
    manifest = JSON.parse(await readFile(join(path, manifestName), 'utf8')) as Manifest | null;
  } catch (error) {
    throw broken('its manifest is missing or cannot be read', error);
  }
  if (manifest?.format !== FORMAT || typeof manifest.files !== 'object' || manifest.files === null) throw broken(`it has format ${manifest?.format}, not ${FORMAT}`);
  for (const name of [positionName, ...tensorFiles.map((file) => `${file}.safetensors`)]) {
    if (!Object.hasOwn(manifest.files, name)) throw broken(`its manifest does not name ${name}`);
  }
  for (const [name, expected] of Object.entries(manifest.files)) {
    const found = await fileDigest(join(path, name)).catch((error: unknown) => {
      throw broken(`${name} cannot be read`, error);
    });
    if (found.bytes !== expected.bytes) throw broken(`${name} has ${found.bytes} bytes instead of ${expected.bytes}`);
    if (found.sha256 !== expected.sha256) throw broken(`${name} does not match its SHA-256`);
  }
  return JSON.parse(await readFile(join(path, positionName), 'utf8')) as RunPosition;
}

/** Reads a checkpoint into the shared state, after checking every file against the manifest. Throws `CHECKPOINT_BROKEN`. */
export async function loadCheckpoint({ path, state }: { path: string; state: SharedState }): Promise<RunPosition> {
  const position = await verifyCheckpoint(path);
  for (const file of tensorFiles) {
    const array = arrayOf(state, file);
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

/**
 * The newest checkpoint that is whole, loaded; broken ones are named, set aside (`….broken`, at most the last one is
 * kept) and passed over for the one before. What killed processes left half written is removed. For the holder of
 * the run's lock only. Throws `CHECKPOINT_MISMATCH` for one of another run.
 */
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
  await removeLeftovers(folder);
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
  for (const name of [...temporary, ...broken.slice(0, -1)]) await rm(join(folder, name), { recursive: true, force: true });
}

/** Deletes all but the newest `keep` checkpoints and the best one. Each loses its name before its files. */
export async function pruneCheckpoints({ folder, keep, bestStep }: { folder: string; keep: number; bestStep?: number }): Promise<void> {
  const checkpoints = await listCheckpoints(folder);
  for (const { step, path } of checkpoints.slice(Math.max(1, keep))) {
    if (step === bestStep) continue;
    await rename(path, `${path}.gone`);
    await rm(`${path}.gone`, { recursive: true, force: true });
  }
}
