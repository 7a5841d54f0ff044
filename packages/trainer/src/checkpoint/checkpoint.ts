import { describeIssue, parseJson } from '@subtext/core';
import { readTextFile, syncFolder } from '@subtext/core/node';
import { openSafetensors, writeSafetensors } from '@subtext/safetensors';
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import { TrainerError } from '../errors';
import type { SharedState } from '../parallel/shared-state';
import { fileDigest, writeAtomically, writeError } from './atomic-files';

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const measure = z.number().nullable();

/** `position.json`. What it does not name is kept: later versions may say more. */
const runPosition = z.looseObject({
  /** Identifies configuration, data and program; a checkpoint of another run is refused. */
  fingerprint: z.string(),
  /** Phase being trained, from 0, and its name. */
  phase: count,
  phaseName: z.string(),
  /** Steps done in the phase. */
  phaseStep: count,
  /** Updates of the optimizer since it was fresh: bad steps do not count. */
  updates: count,
  /** Steps done in all. */
  step: count,
  /** Running mean of the metric that the phase waits for, where mastery ends it. */
  mastery: z.number().optional(),
  /** Bytes of `log.jsonl` that belong to these steps. */
  logBytes: count,
  /** Steps skipped because loss or gradient were not finite, and how many of them were the last ones, in a row. */
  skippedSteps: count,
  badStepsInRow: count,
  /** What the last step measured; null for what was not finite. */
  metrics: z.record(z.string(), measure).optional(),
  /** Lowest validation loss of the phase so far, and the step it was reached at. Phases predict other tokens: their losses do not compare. */
  best: z.object({ loss: z.number(), step: count }).optional(),
  /** What computed; another engine goes on within rounding, not to the same bytes. */
  engine: z.string().optional(),
  /** Seconds trained so far, in all sessions. */
  seconds: z.number().min(0).optional(),
  /** The method that is trained, with its options, for people and tools that look into a checkpoint. */
  method: z.unknown().optional(),
});

/** Where a run stands; with the weights and the optimizer's moments, everything that the rest of the run depends on. */
export type RunPosition = z.output<typeof runPosition>;

const FORMAT = 1;
const manifestName = 'manifest.json';
export const positionName = 'position.json';
const tensorFiles = ['weights', 'first-moments', 'second-moments'] as const;

/** `manifest.json`. */
const checkpointManifest = z.object({
  format: z.literal(FORMAT),
  files: z.object(
    Object.fromEntries(
      [positionName, ...tensorFiles.map((file) => `${file}.safetensors`)].map((name) => [
        name,
        z.object({ bytes: count, sha256: z.string() }),
      ]),
    ),
  ),
});
type Manifest = z.output<typeof checkpointManifest>;

/** The largest `manifest.json` or `position.json`, in bytes. */
const MOST_BYTES = 2 ** 20;

/** `step-00000120`: sorts by step. */
function folderName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/**
 * Writes a checkpoint: files into a temporary folder, each synced; the manifest with their sizes and SHA-256 last;
 * then the folder takes its name. A process killed at any moment leaves a whole checkpoint or none. One of the same
 * step and position that is whole already is left as it is. Throws `write-failed`.
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
  if (await isWhole({ path: target, position })) return target;
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    for (const name of tensorFiles) {
      const array = arrayOf(state, name);
      const tensors = Object.fromEntries(
        state.spans.map(({ name: parameter, shape, offset, length }) => [
          parameter,
          { dtype: 'F32' as const, shape, data: array.slice(offset, offset + length) },
        ]),
      );
      await writeSafetensors({ path: join(temporary, `${name}.safetensors`), tensors });
    }
    await writeAtomically({ path: join(temporary, positionName), data: positionText });
    const files: Manifest['files'] = {};
    for (const name of (await readdir(temporary)).sort()) files[name] = await fileDigest(join(temporary, name));
    await writeAtomically({
      path: join(temporary, manifestName),
      data: `${JSON.stringify({ format: FORMAT, files } satisfies Manifest, null, 2)}\n`,
    });
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
  return { weights: state.parameters, 'first-moments': state.firstMoments, 'second-moments': state.secondMoments }[
    file
  ];
}

/** Whether a checkpoint of this position is there already, whole; how long it took to get there may differ. */
async function isWhole({ path, position }: { path: string; position: RunPosition }): Promise<boolean> {
  const said = ({ seconds: _seconds, ...rest }: RunPosition): string => JSON.stringify(rest);
  try {
    return said(await verifyCheckpoint(path)) === said(runPosition.parse(JSON.parse(JSON.stringify(position))));
  } catch {
    return false;
  }
}

/** Reads one of a checkpoint's small files by its schema. Throws `invalid-checkpoint`. */
async function readChecked<Schema extends z.ZodType>({
  path,
  name,
  schema,
}: {
  path: string;
  name: string;
  schema: Schema;
}): Promise<z.output<Schema>> {
  const file = join(path, name);
  let value: unknown;
  try {
    value = parseJson({ text: await readTextFile({ path: file, maximumBytes: MOST_BYTES }), name: file });
  } catch (error) {
    throw brokenCheckpoint({ path, reason: `${name} is missing or cannot be read`, cause: error });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw brokenCheckpoint({
    path,
    reason: `${name} says something else than it should${issue === undefined ? '' : ` (${describeIssue(issue)})`}`,
  });
}

export function brokenCheckpoint({
  path,
  reason,
  cause,
}: {
  path: string;
  reason: string;
  cause?: unknown;
}): TrainerError {
  return new TrainerError({
    code: 'invalid-checkpoint',
    message: `The checkpoint ${path} is broken: ${reason}.`,
    cause,
  });
}

/** Where a checkpoint stands, as it says itself: its other files are not looked at. Throws `invalid-checkpoint`. */
export async function readPosition(path: string): Promise<RunPosition> {
  return readChecked({ path, name: positionName, schema: runPosition });
}

/** Checks every file of a checkpoint against its manifest and gives its position. Throws `invalid-checkpoint`. */
export async function verifyCheckpoint(path: string): Promise<RunPosition> {
  const manifest = await readChecked({ path, name: manifestName, schema: checkpointManifest });
  for (const [name, expected] of Object.entries(manifest.files)) {
    const status = await lstat(join(path, name)).catch((error: unknown) => {
      throw brokenCheckpoint({ path, reason: `${name} cannot be read`, cause: error });
    });
    // Told before it is read through: what has another size may be very large.
    if (!status.isFile()) throw brokenCheckpoint({ path, reason: `${name} is not a file` });
    if (status.size !== expected.bytes)
      throw brokenCheckpoint({ path, reason: `${name} has ${status.size} bytes instead of ${expected.bytes}` });
    const found = await fileDigest(join(path, name)).catch((error: unknown) => {
      throw brokenCheckpoint({ path, reason: `${name} cannot be read`, cause: error });
    });
    if (found.sha256 !== expected.sha256)
      throw brokenCheckpoint({ path, reason: `${name} does not match its SHA-256` });
  }
  return readPosition(path);
}

/** Reads a checkpoint into the shared state, after checking every file against the manifest. Throws `invalid-checkpoint`. */
export async function loadCheckpoint({ path, state }: { path: string; state: SharedState }): Promise<RunPosition> {
  const position = await verifyCheckpoint(path);
  for (const file of tensorFiles) {
    const array = arrayOf(state, file);
    const tensors = await openSafetensors({ path: join(path, `${file}.safetensors`) });
    try {
      const names = new Set(tensors.names);
      for (const { name, shape, offset } of state.spans) {
        if (!names.has(name) || tensors.entry(name).shape.join() !== shape.join()) {
          throw new TrainerError({
            code: 'checkpoint-mismatch',
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
