import { ownValue, parseJson } from '@subtext/core';
import { FileError, readTextFile } from '@subtext/core/node';
import { lstat, mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

import { TrainerError } from '../errors';
import { writeAtomically, writeError } from './atomic-files';
import { readPosition } from './checkpoint';
import { listCheckpoints } from './newest-checkpoint';
import { removeCheckpoints, removeMark, removeRun, runFiles, runFolders } from './made-files';
import { isLockFile, lockFolder } from './run-lock';

/** What a run is, as its folder keeps it in `run.json`. */
export interface RunIdentity {
  /** Identifies everything that the result depends on. */
  fingerprint: string;
  /** The same in parts, so that it can be said which of them changed: digests by name. @default none */
  parts?: Readonly<Record<string, string>>;
}

/** Options of {@link RunFolder.open}. */
export interface OpenRunFolderOptions extends RunIdentity {
  folder: string;
  /** Whether a finished run, or an unfinished one of other settings, is deleted and replaced. @default false */
  overwrite?: boolean;
  /** Says what is not the same as in the run that is there, for an error. @default the parts that differ */
  describe?: (options: { folder: string; parts: readonly string[] }) => Promise<string[]>;
  /** Is told of what opening waits for. */
  onNotice?: (text: string) => void;
}

const marker = 'run.json';
const FORMAT = 1;
const KIND = 'training-run';
/** The largest of a run's small files, in bytes. */
const MOST_BYTES = 16 * 2 ** 20;

/**
 * A training run's own folder, locked until `close`. A run writes into an empty folder or into one that a run marked as
 * its own by `run.json`; whatever else is there is refused by name and left as it is.
 */
export class RunFolder {
  readonly folder: string;
  /** `finished`: a run of this fingerprint has ended here. `unfinished`: one has begun. `new`: nothing is there. */
  readonly state: 'new' | 'unfinished' | 'finished';
  readonly #unlock: () => Promise<void>;
  #discarded = false;

  private constructor({
    folder,
    state,
    unlock,
  }: {
    folder: string;
    state: RunFolder['state'];
    unlock: () => Promise<void>;
  }) {
    this.folder = folder;
    this.state = state;
    this.#unlock = unlock;
  }

  /**
   * What a folder holds for a run, without writing or locking anything: to be asked before long work.
   *
   * @throws TrainerError `not-a-run-folder`, `run-exists`, `checkpoint-mismatch`
   */
  static async inspect({
    folder,
    fingerprint,
    parts = {},
    overwrite = false,
    describe,
  }: OpenRunFolderOptions): Promise<{
    state: RunFolder['state'];
    /** Whether what is there will be deleted. */ replaces: boolean;
  }> {
    const own = await requireOwn(folder);
    const finished = own ? await finishedFingerprint(folder) : undefined;
    const begun = finished ?? (own ? await begunFingerprint(folder) : undefined);
    if (begun !== undefined && (begun !== fingerprint || (finished !== undefined && overwrite))) {
      if (!overwrite) throw await existing({ folder, finished: finished !== undefined, parts, describe });
      return { state: 'new', replaces: true };
    }
    return { state: finished === fingerprint ? 'finished' : own ? 'unfinished' : 'new', replaces: false };
  }

  /**
   * Takes a folder for a run. Nothing is written before it is certain that the folder is the run's.
   *
   * @throws TrainerError `not-a-run-folder`, `locked`, `run-exists`, `checkpoint-mismatch`, `write-failed`
   */
  static async open(options: OpenRunFolderOptions): Promise<RunFolder> {
    const { folder, fingerprint, parts = {}, onNotice } = options;
    await requireOwn(folder);
    try {
      await mkdir(folder, { recursive: true });
    } catch (error) {
      throw writeError({ path: folder, error });
    }
    const unlock = await lockFolder({ folder, onNotice });
    try {
      const { state, replaces } = await RunFolder.inspect(options);
      if (replaces) await removeRun(folder);
      if (state !== 'finished')
        await writeAtomically({
          path: join(folder, marker),
          data: `${JSON.stringify({ format: FORMAT, kind: KIND, fingerprint, parts }, null, 2)}\n`,
        });
      return new RunFolder({ folder, state, unlock });
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /** Writes one of the run's files whole or not at all. */
  async write({
    name,
    data,
    mode,
  }: {
    name: (typeof runFiles)[number];
    data: string;
    /** Permissions. @default 0o666 less the process's mask */ mode?: number;
  }): Promise<void> {
    await writeAtomically({ path: join(this.folder, name), data, mode });
  }

  /** Marks the run as finished: after everything that it leaves has been written. Its checkpoints go. */
  async finish(summary: Readonly<Record<string, unknown>> & { fingerprint: string }): Promise<void> {
    await this.write({ name: 'finished.json', data: `${JSON.stringify(summary, null, 2)}\n` });
    await removeCheckpoints(join(this.folder, 'checkpoints'));
  }

  /** Takes back what was written, where the run has turned out to be impossible before its first step. */
  async discard(): Promise<void> {
    await removeRun(this.folder);
    await removeMark(this.folder);
    this.#discarded = true;
  }

  /** Gives the folder back. */
  async close(): Promise<void> {
    await this.#unlock();
    // Only where nothing else stands in it.
    if (this.#discarded) await rmdir(this.folder).catch(() => undefined);
  }
}

/** An object in one of a run's files; undefined where there is none, or it says something else. @throws FileError for what is no file */
async function readObject(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value = parseJson({ text: await readTextFile({ path, maximumBytes: MOST_BYTES }), name: path });
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch (error) {
    if (FileError.isInstance(error) && error.code !== 'not-found' && error.code !== 'invalid-text') throw error;
    return undefined;
  }
}

/** The fingerprint of the run that has ended in a folder. A `finished.json` that cannot be understood is one of unknown settings. */
async function finishedFingerprint(folder: string): Promise<string | undefined> {
  const path = join(folder, 'finished.json');
  if ((await lstat(path).catch(() => undefined)) === undefined) return undefined;
  const fingerprint = ownValue((await readObject(path)) ?? {}, 'fingerprint');
  return typeof fingerprint === 'string' ? fingerprint : '';
}

/** The fingerprint of the checkpoints in a folder; undefined where there is none that can be read. */
async function begunFingerprint(folder: string): Promise<string | undefined> {
  for (const { path } of await listCheckpoints(join(folder, 'checkpoints'))) {
    const position = await readPosition(path).catch(() => undefined);
    if (position !== undefined) return position.fingerprint;
  }
  return undefined;
}

async function existing({
  folder,
  finished,
  parts,
  describe,
}: { finished: boolean } & Required<Pick<OpenRunFolderOptions, 'folder' | 'parts'>> &
  Pick<OpenRunFolderOptions, 'describe'>): Promise<TrainerError> {
  const kept = ownValue((await readObject(join(folder, marker)).catch(() => undefined)) ?? {}, 'parts');
  const before = typeof kept === 'object' && kept !== null ? (kept as Record<string, unknown>) : {};
  const changed = [...new Set([...Object.keys(before), ...Object.keys(parts)])]
    .filter((name) => ownValue(before, name) !== ownValue(parts, name))
    .sort();
  const differing = (await describe?.({ folder, parts: changed }).catch((): string[] => [])) ?? changed;
  const what =
    differing.length === 0
      ? ''
      : ` What differs: ${differing.slice(0, 20).join('; ')}${differing.length > 20 ? '; …' : ''}.`;
  return new TrainerError({
    code: finished ? 'run-exists' : 'checkpoint-mismatch',
    message: finished
      ? `${folder} holds a finished run of other settings.${what} Take another output folder, or give --overwrite (overwrite: true) to delete that run and train this one in its place.`
      : `${folder} holds the checkpoints of a run with another configuration or other data.${what} Take another output folder, give the settings of that run to resume it, or --overwrite (overwrite: true) to delete it and start anew.`,
  });
}

/** Whether a run has marked the folder as its own; false where it is empty or absent. @throws TrainerError `not-a-run-folder` */
async function requireOwn(folder: string): Promise<boolean> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code === 'ENOTDIR') throw foreign(`${folder} is not a folder.`);
    throw writeError({ path: folder, error });
  }
  const present = names.filter((name) => !isLockFile(name) && !/^\..*\.temporary$/.test(name));
  if (present.length === 0) return false;
  if (!(await isMarked(folder))) {
    const shown = present.sort().slice(0, 5).join(', ');
    throw foreign(`${folder} holds something else than a training run (${shown}${present.length > 5 ? ', …' : ''}).`);
  }
  for (const name of [...runFiles, ...runFolders]) {
    const status = await lstat(join(folder, name)).catch(() => undefined);
    const isFolder = (runFolders as readonly string[]).includes(name);
    if (status === undefined || (isFolder ? status.isDirectory() : status.isFile())) continue;
    const what = status.isSymbolicLink()
      ? 'is a link, and would be written through'
      : isFolder
        ? 'is not a folder'
        : 'is not a file';
    throw foreign(`${join(folder, name)} ${what}.`);
  }
  return true;
}

function foreign(reason: string): TrainerError {
  return new TrainerError({
    code: 'not-a-run-folder',
    message: `${reason} A run writes into a folder of its own: name one that is empty or does not exist yet.`,
  });
}

async function isMarked(folder: string): Promise<boolean> {
  const marked = await readObject(join(folder, marker)).catch(() => undefined);
  if (marked !== undefined) return marked.kind === KIND && marked.format === FORMAT;
  // Runs of versions that had no marker yet.
  const [configuration, finished] = await Promise.all(
    ['configuration.json', 'finished.json'].map((name) => readObject(join(folder, name)).catch(() => undefined)),
  );
  return (
    configuration !== undefined &&
    'output' in configuration &&
    typeof finished?.fingerprint === 'string' &&
    /^[0-9a-f]{64}$/.test(finished.fingerprint)
  );
}
