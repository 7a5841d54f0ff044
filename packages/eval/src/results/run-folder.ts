import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lockFolder, writeAtomically } from '@subtext/trainer';
import { EvaluationError } from '../errors';
import { fileDate } from './evaluation-results';
import { openSampleFile, type SampleFile } from './sample-file';
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
  /** Whether an earlier start is gone on with. */
  readonly resumed: boolean;
  readonly #unlock: () => Promise<void>;

  private constructor(options: { folder: string; date: Date; resumed: boolean; unlock: () => Promise<void> }) {
    this.folder = options.folder;
    this.date = options.date;
    this.resumed = options.resumed;
    this.#unlock = options.unlock;
  }

  /**
   * Opens a run's folder: a new one, or one begun with the same identity. It is locked until `close`, so
   * that two runs never write one file.
   *
   * @throws EvaluationError invalid-result-file where the folder holds a run of another identity; TrainerError FOLDER_LOCKED where another run has it.
   */
  static async open({ folder, identity, now = new Date() }: { folder: string; identity: RunIdentity; now?: Date }): Promise<RunFolder> {
    await mkdir(folder, { recursive: true });
    const unlock = await lockFolder(folder);
    try {
      return new RunFolder({ folder, unlock, ...(await RunFolder.#begin({ folder, identity, now })) });
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  static async #begin({ folder, identity, now }: { folder: string; identity: RunIdentity; now: Date }): Promise<{ date: Date; resumed: boolean }> {
    const path = join(folder, 'run.json');
    const fingerprint = stableHash(identity);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) {
      await writeAtomically({ path, data: `${JSON.stringify({ fingerprint, date: now.toISOString(), identity }, null, 2)}\n` });
      return { date: now, resumed: false };
    }
    let begun: { fingerprint: string; date: string; identity: RunIdentity };
    try {
      begun = JSON.parse(text) as typeof begun;
    } catch (error) {
      throw new EvaluationError({ code: 'invalid-result-file', message: `${path} is no JSON; give another output folder.`, cause: error });
    }
    if (begun.fingerprint !== fingerprint) {
      const differing = Object.keys(identity).filter((key) => stableHash(identity[key as keyof RunIdentity]) !== stableHash(begun.identity?.[key as keyof RunIdentity]));
      throw new EvaluationError({
        code: 'invalid-result-file',
        message: `${folder} holds a run with other ${differing.join(' and ')}; give another output folder, or the settings of that run to go on with it.`,
      });
    }
    return { date: new Date(begun.date), resumed: true };
  }

  /** Gives the folder back. */
  async close(): Promise<void> {
    await this.#unlock();
  }

  /** The samples file of a task, opened for going on. */
  async samples(task: string): Promise<SampleFile> {
    return await openSampleFile({ path: join(this.folder, `samples_${task}_${fileDate(this.date)}.jsonl`) });
  }
}

/** SHA-256 of a file. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** SHA-256 over the names and contents of all files under a folder, such as a model's. */
export async function hashFolder(folder: string): Promise<string> {
  const hashes: [string, string][] = [];
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, name);
    if ((await stat(path)).isFile()) hashes.push([name.replaceAll('\\', '/'), await hashFile(path)]);
  }
  return stableHash(hashes);
}

/** The commit of the work tree a folder is in, `-dirty` added where files differ; null outside one. */
export async function gitHash({ folder }: { folder: string }): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], { cwd: folder });
    return stdout.trim() === '' ? null : stdout.trim();
  } catch {
    return null;
  }
}
