import { constants } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { writeError } from '../checkpoint/atomic-files';

/** A JSON-lines file that knows its length, so that a resumed run can cut off what came after its checkpoint. */
export class RunLog {
  readonly #path: string;
  readonly #handle: FileHandle;
  #bytes: number;

  private constructor({ path, handle, bytes }: { path: string; handle: FileHandle; bytes: number }) {
    this.#path = path;
    this.#handle = handle;
    this.#bytes = bytes;
  }

  /** Opens the log and cuts it to its first `bytes` bytes. */
  static async open({ path, bytes = 0 }: { path: string; bytes?: number }): Promise<RunLog> {
    try {
      await mkdir(dirname(path), { recursive: true });
      // Neither a link is followed nor a pipe waited for: what is cut and written to is this run's own file.
      const handle = await open(
        path,
        constants.O_WRONLY |
          constants.O_CREAT |
          constants.O_APPEND |
          (constants.O_NOFOLLOW ?? 0) |
          (constants.O_NONBLOCK ?? 0),
        0o666,
      );
      try {
        const status = await handle.stat();
        if (!status.isFile()) throw new Error('it is not a file');
        if (status.size > bytes) await handle.truncate(bytes);
        return new RunLog({ path, handle, bytes: Math.min(status.size, bytes) });
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      throw writeError({ path, error });
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Appends one line. */
  async write(entry: Record<string, unknown>): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    try {
      await this.#handle.appendFile(line);
    } catch (error) {
      throw writeError({ path: this.#path, error });
    }
    this.#bytes += line.byteLength;
  }

  /** Flushes to disk; a checkpoint's `logBytes` must not be ahead of the file. */
  async sync(): Promise<void> {
    try {
      await this.#handle.sync();
    } catch (error) {
      throw writeError({ path: this.#path, error });
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
