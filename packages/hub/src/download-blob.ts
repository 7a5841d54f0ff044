import { acquireLock, LockError, RequestError, type LockHolder } from '@subtext/core/node';
import { createHash, type Hash } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import type { HubClient } from './hub-client';
import { HubError } from './hub-error';
import { openIncomplete, removeIncomplete, type IncompleteFile } from './incomplete-file';
import { exists } from './model-cache';
import { HubStatusError } from './status-error';
import type { HubFile } from './wanted-files';

/** Maximum attempts without progress for an interrupted transfer. */
const attempts = 5;
/** Maximum attempts if the server does not respond at all. */
const silentAttempts = 2;
/** Bytes that count as progress. */
const progressBytes = 2 ** 20;
/** Longest accepted `Retry-After`, in seconds. */
const longestWait = 60;
/** Minimum rate in bytes per second over some seconds; a slower transfer counts as interrupted. */
const slowestRate = 1024;
const slowSeconds = 15;

export interface DownloadBlobOptions {
  /** Model id, commit, and file as listed by the hub. */
  id: string;
  commit: string;
  file: HubFile;
  /** Path of the content in the cache. */
  blobPath: string;
  client: HubClient;
  /** Called with the number of bytes downloaded so far. */
  onBytes: (bytes: number) => void;
  /** Called once if another process is downloading the same file. */
  onWait?: (holder: LockHolder | undefined) => void;
  /** Seconds to wait for that process. Default a day. */
  waitSeconds?: number;
  /** Aborts the download; a later call resumes it. */
  signal?: AbortSignal;
  /** Delay before the first retry in milliseconds, doubled each time. Default 500. */
  retryDelay?: number;
}

/**
 * Downloads a file into the cache: to `BLOB.incomplete`, which a later call resumes, and renames it once its size and hash
 * are verified. Only one process at a time downloads a file.
 *
 * @throws HubError `transfer-failed`, `locked`; FileError
 */
export async function downloadBlob(options: DownloadBlobOptions): Promise<void> {
  const { blobPath, signal, onWait, waitSeconds = 86_400 } = options;
  const path = `${blobPath}.incomplete.lock`;
  const lock = await acquireLock({ path, signal, waitMilliseconds: waitSeconds * 1000, onWait }).catch(
    (cause: unknown) => {
      throw LockError.isInstance(cause)
        ? new HubError({
            code: 'locked',
            message: `${options.file.path}: waited ${waitSeconds} seconds for another download of it. ${cause.message}`,
            cause,
          })
        : cause;
    },
  );
  try {
    // Another process may have finished the download in the meantime.
    if (!(await exists(blobPath))) await downloadWithRetries(options);
  } finally {
    await lock.release();
  }
}

async function downloadWithRetries(options: DownloadBlobOptions): Promise<void> {
  const { file, blobPath, signal, retryDelay = 500 } = options;
  const incompletePath = `${blobPath}.incomplete`;
  let last: unknown;
  let reached = 0;
  let tries = 0;
  for (let failures = 0; failures < attempts;) {
    if (tries > 0) await delay(waitFor(last, retryDelay * 2 ** Math.max(0, failures - 1)), undefined, { signal });
    tries += 1;
    try {
      const hash = await transfer({ ...options, incompletePath });
      if (hash !== file.etag) {
        await removeIncomplete(incompletePath);
        throw new HubError({
          code: 'transfer-failed',
          message: `its content has the hash ${hash}, not ${file.etag} as the hub lists it`,
        });
      }
      await rename(incompletePath, blobPath);
      return;
    } catch (cause) {
      if (signal?.aborted === true || isFinal(cause)) throw cause;
      last = cause;
      const { bytes = 0 } = cause as { bytes?: number };
      failures = bytes >= reached + progressBytes ? 1 : failures + 1;
      reached = Math.max(reached, bytes);
      if (RequestError.isInstance(cause) && cause.code === 'timed-out' && failures >= silentAttempts) break;
    }
  }
  throw new HubError({
    code: 'transfer-failed',
    message: `${file.path}: the download failed ${tries} times, the last time because ${reasonOf(last)}. Run again to resume it`,
    cause: last,
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Delay before the next attempt in milliseconds; honours a reasonable `Retry-After`. @throws HubError `transfer-failed` */
function waitFor(cause: unknown, usual: number): number {
  const asked = cause instanceof HubStatusError ? cause.retryAfter : undefined;
  if (asked === undefined) return usual;
  if (asked > longestWait)
    throw new HubError({
      code: 'transfer-failed',
      message: `the hub is busy and asks to retry after ${Math.ceil(asked)} seconds. Run again then to resume the download`,
      cause,
    });
  return Math.max(usual, asked * 1000);
}

/** Errors for which retrying is pointless: refusals, and a disk that is full or not writable. */
function isFinal(cause: unknown): boolean {
  if (cause instanceof HubStatusError) return cause.status < 500 && cause.status !== 408 && cause.status !== 429;
  if (RequestError.isInstance(cause)) return cause.code !== 'unreachable' && cause.code !== 'timed-out';
  if (HubError.isInstance(cause)) return cause.code !== 'transfer-failed';
  // Anything else is a file system error.
  return true;
}

/** Downloads the missing rest of the file; returns the hash of the whole file. */
async function transfer(options: DownloadBlobOptions & { incompletePath: string }): Promise<string> {
  const { id, commit, file, client, onBytes, signal, incompletePath } = options;
  const incomplete = await openIncomplete(incompletePath);
  try {
    if (incomplete.size > file.size) await incomplete.empty();
    let hash = startHash(file);
    await incomplete.hash(hash);
    onBytes(incomplete.size);
    if (incomplete.size < file.size) {
      const response = await client.content({ id, commit, file: file.path, from: incomplete.size, size: file.size });
      try {
        const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
        const total =
          range === null ? (response.status === 200 ? response.headers.get('content-length') : null) : range[2];
        if (
          total !== null &&
          total !== undefined &&
          total !== '*' &&
          response.headers.get('content-encoding') === null &&
          Number(total) !== file.size
        ) {
          throw new HubError({
            code: 'transfer-failed',
            message: `the server has ${total} bytes, the hub lists ${file.size}`,
          });
        }
        if (response.status !== 206 || (range !== null && Number(range[1]) !== incomplete.size)) {
          if (range !== null && range[1] !== '0')
            throw new HubError({
              code: 'transfer-failed',
              message: 'the server sent a different range than requested',
            });
          // A server without range support sends the file from its start.
          await incomplete.empty();
          hash = startHash(file);
        }
        await receive({ pieces: response.pieces(), incomplete, file, hash, onBytes, signal });
      } finally {
        await response.cancel();
      }
    }
    await incomplete.flush();
    if (incomplete.size !== file.size)
      throw new HubError({
        code: 'transfer-failed',
        message: `the transfer was interrupted after ${incomplete.size} of ${file.size} bytes`,
      });
    return hash.digest('hex');
  } catch (cause) {
    // The size reached decides whether another attempt is worthwhile.
    throw typeof cause === 'object' && cause !== null && Object.isExtensible(cause)
      ? Object.assign(cause, { bytes: incomplete.size })
      : cause;
  } finally {
    await incomplete.close();
  }
}

async function receive({
  pieces,
  incomplete,
  file,
  hash,
  onBytes,
  signal,
}: { pieces: AsyncIterable<Uint8Array>; incomplete: IncompleteFile; hash: Hash } & Pick<
  DownloadBlobOptions,
  'file' | 'onBytes' | 'signal'
>): Promise<void> {
  let spanStart = Date.now();
  let spanBytes = 0;
  for await (const piece of pieces) {
    signal?.throwIfAborted();
    if (incomplete.size + piece.byteLength > file.size) {
      await incomplete.empty();
      throw new HubError({ code: 'transfer-failed', message: 'the server sent more than requested' });
    }
    await incomplete.append(piece);
    hash.update(piece);
    onBytes(incomplete.size);
    spanBytes += piece.byteLength;
    const spanSeconds = (Date.now() - spanStart) / 1000;
    if (spanSeconds < slowSeconds) continue;
    if (incomplete.size < file.size && spanBytes < spanSeconds * slowestRate) {
      throw new RequestError({
        code: 'timed-out',
        message: `only ${spanBytes} bytes arrived in ${Math.round(spanSeconds)} seconds`,
      });
    }
    spanStart = Date.now();
    spanBytes = 0;
  }
}

/** SHA-256 of the content for 64-digit etags; otherwise git's blob hash: SHA-1 of a header and the content. */
function startHash({ etag, size }: HubFile): Hash {
  return etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}
