import { parseJson } from '@subtext/core';
import { acquireLock, FileError, type Lock, readTextFile, writeFileAtomically } from '@subtext/core/node';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EvaluationError } from '../errors';
import { fileDate } from './evaluation-results';
import { openSampleFile, type SampleFile } from './sample-file';
import { fileNamePart, isRecord } from './result-schema';
import { stableHash } from './sample-record';

/** What makes a run what it is: samples of another identity must not be mixed in. */
export interface RunIdentity {
  modelHash: string;
  /** By task: version and data hash. */
  tasks: Record<string, unknown>;
  /** Limit, seeds, generation: all that changes an output. */
  settings: Record<string, unknown>;
}

/** A folder of a run: its identity, its samples files by task, later its results. */
export class RunFolder {
  readonly folder: string;
  /** When the run was first started. */
  readonly date: Date;
  /** Whether an earlier start is resumed. */
  readonly resumed: boolean;
  readonly #lock: Lock;

  readonly #identity: RunIdentity;

  private constructor(options: { folder: string; date: Date; resumed: boolean; lock: Lock; identity: RunIdentity }) {
    this.#identity = options.identity;
    this.folder = options.folder;
    this.date = options.date;
    this.resumed = options.resumed;
    this.#lock = options.lock;
  }

  /**
   * Opens a run's folder: a new one, or one begun with the same identity. It is locked until `close`, so
   * that two runs never write one file.
   *
   * @throws EvaluationError invalid-result-file where the folder holds a run of another identity; LockError locked where another run has it.
   */
  static async open({
    folder,
    identity,
    now = new Date(),
  }: {
    folder: string;
    identity: RunIdentity;
    now?: Date;
  }): Promise<RunFolder> {
    await mkdir(folder, { recursive: true });
    const lock = await acquireLock({ path: join(folder, 'run.lock') });
    try {
      return new RunFolder({ folder, lock, identity, ...(await RunFolder.#begin({ folder, identity, now })) });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Opens a folder that was begun with the identity of another; undefined where nothing has begun in it. @throws EvaluationError invalid-result-file */
  static async openBegun({ folder, like }: { folder: string; like: RunFolder }): Promise<RunFolder | undefined> {
    if (!existsSync(join(folder, 'run.json'))) return undefined;
    return RunFolder.open({ folder, identity: like.#identity });
  }

  static async #begin({
    folder,
    identity,
    now,
  }: {
    folder: string;
    identity: RunIdentity;
    now: Date;
  }): Promise<{ date: Date; resumed: boolean }> {
    const path = join(folder, 'run.json');
    const fingerprint = stableHash(identity);
    const text = await readTextFile({ path, maximumBytes: mostBytes }).catch((error: unknown) => {
      if (FileError.isInstance(error) && error.code === 'not-found') return undefined;
      throw error;
    });
    if (text === undefined) {
      await writeFileAtomically({
        path,
        data: `${JSON.stringify({ format: currentFormat, fingerprint, date: now.toISOString(), identity }, null, 2)}\n`,
      });
      return { date: now, resumed: false };
    }
    const begun = readBegun({ path, text });
    if (begun.fingerprint !== fingerprint) {
      throw new EvaluationError({
        code: 'invalid-result-file',
        message: `${folder} holds a run with other ${differences({ identity, begun: begun.identity }).join(' and ')}; give another output folder, or the settings of that run to resume it.`,
      });
    }
    return { date: begun.date, resumed: true };
  }

  /** Gives the folder back. */
  async close(): Promise<void> {
    await this.#lock.release();
  }

  /** The samples file of a task, opened for going on. */
  async samples(task: string): Promise<SampleFile> {
    return await openSampleFile({ path: this.samplesPath(task) });
  }

  /** Where the samples of a task are kept. */
  samplesPath(task: string): string {
    return join(this.folder, `samples_${fileNamePart(task)}_${fileDate(this.date)}.jsonl`);
  }
}

/** Raised when `run.json` changes its shape. */
const currentFormat = 1;
const mostBytes = 16 * 2 ** 20;

interface Begun {
  fingerprint: string;
  date: Date;
  identity: Record<string, unknown>;
}

/** @throws EvaluationError invalid-result-file */
function readBegun({ path, text }: { path: string; text: string }): Begun {
  const invalid = (what: string, cause?: unknown) =>
    new EvaluationError({
      code: 'invalid-result-file',
      message: `${path} ${what}; give another output folder.`,
      cause,
    });
  let value: unknown;
  try {
    value = parseJson({ text, name: path });
  } catch (error) {
    throw invalid('is no JSON', error);
  }
  if (!isRecord(value)) throw invalid("is no run's record");
  const { format = 1, fingerprint, date, identity } = value;
  if (format !== currentFormat)
    throw invalid(`has the format ${JSON.stringify(format).slice(0, 40)}, which this version does not read`);
  const time = typeof date === 'string' ? new Date(date) : undefined;
  if (typeof fingerprint !== 'string' || time === undefined || Number.isNaN(time.getTime()) || !isRecord(identity))
    throw invalid("is no run's record: it needs a fingerprint, a date and an identity");
  return { fingerprint, date: time, identity };
}

/** What of two identities differs, for people: `model`, `settings`, `data of gsm8k`. */
function differences({ identity, begun }: { identity: RunIdentity; begun: Record<string, unknown> }): string[] {
  const same = (one: unknown, other: unknown) => stableHash(one) === stableHash(other);
  const words = Object.keys(identity).flatMap((key): string[] => {
    const now = identity[key as keyof RunIdentity];
    if (same(now, begun[key])) return [];
    if (key === 'modelHash') return ['model'];
    const before = begun[key];
    if (key !== 'tasks' || !isRecord(before)) return [key];
    const names = Object.keys(identity.tasks);
    if (!same(names.sort(), Object.keys(before).sort())) return ['tasks'];
    return names
      .filter((name) => !same(identity.tasks[name], before[name]))
      .map((name) => `data, pictures or version of ${name}`);
  });
  return words.length === 0 ? ['identity'] : words;
}
