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

/** Times a broken transfer is tried again before it is given up, unless more of the file has come each time. */
const attempts = 5;
/** The same where the server does not answer at all. */
const silentAttempts = 2;
/** Bytes that count as more of the file. */
const progressBytes = 2 ** 20;
/** The longest that a server may ask to be left alone, in seconds. */
const longestWait = 60;
/** A transfer that brings fewer bytes a second than this, over a span of some seconds, has broken off. */
const slowestRate = 1024;
const slowSeconds = 15;

export interface DownloadBlobOptions {
  /** The model, its commit, and the file as the hub lists it. */
  id: string;
  commit: string;
  file: HubFile;
  /** Where its content goes in the cache. */
  blobPath: string;
  client: HubClient;
  /** Called with how many of the file's bytes are there. */
  onBytes: (bytes: number) => void;
  /** Called once where another process is downloading the same file. */
  onWait?: (holder: LockHolder | undefined) => void;
  /** Seconds to wait for that process. Default a day. */
  waitSeconds?: number;
  /** Stops the download; what has come stays for the next time. */
  signal?: AbortSignal;
  /** Milliseconds before a broken transfer is first taken up again; doubled each time. Default 500. */
  retryDelay?: number;
}

/**
 * Downloads a file's content into the cache: into `BLOB.incomplete`, which a later call resumes, and under its name once
 * its length and hash are right. One process at a time does this for a file.
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
    // Another process may have finished it while this one waited.
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

/** Milliseconds before the next try: what the server asks for, within reason. @throws HubError `transfer-failed` */
function waitFor(cause: unknown, usual: number): number {
  const asked = cause instanceof HubStatusError ? cause.retryAfter : undefined;
  if (asked === undefined) return usual;
  if (asked > longestWait)
    throw new HubError({
      code: 'transfer-failed',
      message: `the hub is busy and asks to be left alone for ${Math.ceil(asked)} seconds. Run again after that to resume the download`,
      cause,
    });
  return Math.max(usual, asked * 1000);
}

/** Faults that trying again does not mend: refusals, and a disk that is full or closed to us. */
function isFinal(cause: unknown): boolean {
  if (cause instanceof HubStatusError) return cause.status < 500 && cause.status !== 408 && cause.status !== 429;
  if (RequestError.isInstance(cause)) return cause.code !== 'unreachable' && cause.code !== 'timed-out';
  if (HubError.isInstance(cause)) return cause.code !== 'transfer-failed';
  // All that is left comes from the file system.
  return true;
}

/** Appends what is missing to the incomplete file; gives back the hash of the whole. */
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
              message: 'the server sent another part of the file than was asked for',
            });
          // A server that does not answer ranges sends the file from its start.
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
        message: `the transfer broke off after ${incomplete.size} of ${file.size} bytes`,
      });
    return hash.digest('hex');
  } catch (cause) {
    // How far it came tells whether it is worth trying on.
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
      throw new HubError({ code: 'transfer-failed', message: 'the server sent more than was asked for' });
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
        message: `only ${spanBytes} bytes came in ${Math.round(spanSeconds)} seconds`,
      });
    }
    spanStart = Date.now();
    spanBytes = 0;
  }
}

/** SHA-256 of the content for 64-digit etags; for others git's: SHA-1 of the content with a heading. */
function startHash({ etag, size }: HubFile): Hash {
  return etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}
