import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withLock } from './download-lock';
import { HubError } from './hub-error';
import { exists } from './model-cache';
import type { HubFile } from './wanted-files';

/** Times a broken transfer is tried before it is given up. */
const attempts = 5;

export interface DownloadBlobOptions {
  /** The file, as the hub lists it. */
  file: HubFile;
  /** Where its content goes in the cache. */
  blobPath: string;
  /** The content, to be read from any byte on. */
  content: () => Promise<Blob>;
  /** Called with how many of the file's bytes are there. */
  onBytes: (bytes: number) => void;
  /** Stops the download; what has come stays for the next time. */
  signal?: AbortSignal;
  /** Milliseconds before a broken transfer is first taken up again; doubled each time. Default 500. */
  retryDelay?: number;
}

/**
 * Downloads a file's content into the cache: into `BLOB.incomplete`, which a later call goes on with, and under its name
 * once its length and hash are right. One process at a time does this for a file.
 *
 * @throws HubError `transfer-failed`
 */
export async function downloadBlob(options: DownloadBlobOptions): Promise<void> {
  const { blobPath, signal } = options;
  await mkdir(dirname(blobPath), { recursive: true });
  await withLock({
    path: `${blobPath}.incomplete.lock`,
    signal,
    action: async () => {
      // Another process may have finished it while this one waited.
      if (!(await exists(blobPath))) await downloadWithRetries(options);
    },
  });
}

async function downloadWithRetries({ file, blobPath, content, onBytes, signal, retryDelay = 500 }: DownloadBlobOptions): Promise<void> {
  const incompletePath = `${blobPath}.incomplete`;
  let last: unknown;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (attempt > 0) await delay(retryDelay * 2 ** (attempt - 1), undefined, { signal });
    try {
      const hash = await transfer({ file, incompletePath, content, onBytes, signal });
      if (hash !== file.etag) {
        await unlink(incompletePath);
        throw new HubError({ code: 'transfer-failed', message: `its content has the hash ${hash}, not ${file.etag} as the hub lists it` });
      }
      await rename(incompletePath, blobPath);
      return;
    } catch (cause) {
      if (signal?.aborted === true || isFinal(cause)) throw cause;
      last = cause;
    }
  }
  throw new HubError({
    code: 'transfer-failed',
    message: `${file.path}: the download failed ${attempts} times, the last time because ${reasonOf(last)}. Run again to go on where it stopped`,
    cause: last,
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Faults that trying again does not mend: refusals, and a disk that is full or closed to us. */
function isFinal(cause: unknown): boolean {
  const { statusCode, code } = cause as { statusCode?: number; code?: string };
  if (statusCode !== undefined) return statusCode < 500 && statusCode !== 408 && statusCode !== 429;
  return code !== undefined && ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT'].includes(code);
}

/** Appends what is missing to the incomplete file; gives back the hash of the whole. */
async function transfer({
  file,
  incompletePath,
  content,
  onBytes,
  signal,
}: Pick<DownloadBlobOptions, 'file' | 'content' | 'onBytes' | 'signal'> & { incompletePath: string }): Promise<string> {
  let done = (await exists(incompletePath)) ? (await stat(incompletePath)).size : 0;
  if (done > file.size) {
    await unlink(incompletePath);
    done = 0;
  }
  const hash = startHash(file);
  if (done > 0) for await (const chunk of createReadStream(incompletePath)) hash.update(chunk as Buffer);
  onBytes(done);
  const handle = await open(incompletePath, 'a');
  try {
    if (done < file.size) {
      const blob = await content();
      if (blob.size !== file.size) throw new HubError({ code: 'transfer-failed', message: `the server has ${blob.size} bytes, the hub lists ${file.size}` });
      const reader = blob.slice(done, file.size).stream().getReader();
      try {
        for (;;) {
          signal?.throwIfAborted();
          const { done: ended, value } = await reader.read();
          if (ended) break;
          if (done + value.byteLength > file.size) {
            // A server that does not answer ranges sends the file from its start: what is here is no good.
            await handle.truncate(0);
            throw new HubError({ code: 'transfer-failed', message: 'the server sent more than was asked for' });
          }
          await handle.appendFile(value);
          hash.update(value);
          done += value.byteLength;
          onBytes(done);
        }
      } finally {
        await reader.cancel().catch(() => {});
      }
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (done !== file.size) throw new HubError({ code: 'transfer-failed', message: `the transfer broke off after ${done} of ${file.size} bytes` });
  return hash.digest('hex');
}

/** SHA-256 of the content for 64-digit etags; for others git's: SHA-1 of the content with a heading. */
function startHash({ etag, size }: HubFile): Hash {
  return etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}
