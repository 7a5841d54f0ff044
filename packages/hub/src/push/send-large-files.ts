import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { HubStatusError } from '../status-error';
import { HubError } from '../hub-error';
import type { PushClient } from './push-client';
import type { PushFile } from './push-plan';

/** Maximum attempts per file or part. */
const attempts = 4;
/** Maximum objects per batch, as in the Hub's own clients. */
const batchSize = 100;
const lfs = 'application/vnd.git-lfs+json';

/** A large file with its hash. */
export interface LargeFile {
  file: PushFile;
  /** SHA-256, the object id of git-lfs. */
  oid: string;
}

/** Bytes `from` (inclusive) to `to` (exclusive) of a file. */
export function bytesOf({
  file: { source, size },
  from = 0,
  to = size,
}: {
  file: PushFile;
  from?: number;
  to?: number;
}): AsyncIterable<Uint8Array> {
  if ('text' in source) {
    const part = Buffer.from(source.text).subarray(from, to);
    return (async function* () {
      yield part;
    })();
  }
  // `end` is inclusive.
  return createReadStream(source.file, { start: from, end: Math.max(from, to - 1) });
}

/** SHA-256 of a file's content, in hexadecimal. */
export async function hashOf(file: PushFile): Promise<string> {
  const hash = createHash('sha256');
  if (file.size > 0) for await (const piece of bytesOf({ file })) hash.update(piece);
  return hash.digest('hex');
}

/**
 * Uploads large files to the storage named by the hub (git-lfs batch API, with the Hub's multipart transfer). Files that
 * are already there are not sent again.
 *
 * @throws HubError, HubStatusError, RequestError
 */
export async function sendLargeFiles({
  client,
  id,
  revision,
  files,
  onSent,
  signal,
  retryDelay = 500,
}: {
  client: PushClient;
  id: string;
  revision: string;
  files: readonly LargeFile[];
  /** Called after each uploaded file. */
  onSent: (file: PushFile) => void;
  signal?: AbortSignal;
  /** Delay before the first retry in milliseconds, doubled each time. @default 500 */
  retryDelay?: number;
}): Promise<void> {
  for (let start = 0; start < files.length; start += batchSize) {
    const batch = files.slice(start, start + batchSize);
    const { objects } = await client.call({
      path: `/${id}.git/info/lfs/objects/batch`,
      type: lfs,
      body: JSON.stringify({
        operation: 'upload',
        transfers: ['basic', 'multipart'],
        hash_algo: 'sha256',
        ref: { name: revision },
        objects: batch.map(({ oid, file }) => ({ oid, size: file.size })),
      }),
    });
    const answers = new Map(
      (Array.isArray(objects) ? (objects as LfsObject[]) : []).map((object) => [object.oid, object]),
    );
    for (const { oid, file } of batch) {
      signal?.throwIfAborted();
      const answer = answers.get(oid);
      if (answer === undefined || answer.error)
        throw new HubError({
          code: 'transfer-failed',
          message: `${file.path}: the hub rejected it (${answer?.error?.message ?? 'no reason given'})`,
        });
      const { upload, verify } = answer.actions ?? {};
      if (upload) await sendOne({ client, file, oid, upload, signal, retryDelay });
      if (verify)
        await client.tell({
          href: String(verify.href),
          headers: verify.header,
          body: JSON.stringify({ oid, size: file.size }),
        });
      onSent(file);
    }
  }
}

/** git-lfs response for an object. */
interface LfsObject {
  oid: string;
  actions?: { upload?: LfsAction; verify?: LfsAction };
  error?: { message?: string };
}

interface LfsAction {
  href?: unknown;
  header?: Record<string, string>;
}

async function sendOne({
  client,
  file,
  oid,
  upload: { href, header = {} },
  signal,
  retryDelay,
}: {
  client: PushClient;
  file: PushFile;
  oid: string;
  upload: LfsAction;
  signal?: AbortSignal;
  retryDelay: number;
}): Promise<void> {
  const again = { signal, retryDelay };
  const size = Number(header['chunk_size'] ?? Number.NaN);
  if (Number.isNaN(size)) {
    const body = () => bytesOf({ file });
    await retried({ ...again, work: () => client.send({ href: String(href), body, size: file.size }) });
    return;
  }
  const numbers = Object.keys(header)
    .filter((key) => /^\d+$/.test(key))
    .map(Number)
    .sort((one, other) => one - other);
  if (!(size > 0) || numbers.length !== Math.ceil(file.size / size))
    throw new HubError({
      code: 'invalid-answer',
      message: `${file.path}: the hub requests ${numbers.length} parts of ${header['chunk_size']} bytes, but the file has ${file.size}`,
    });
  const addresses = new Map(Object.entries(header).map(([key, value]) => [Number(key), value]));
  const parts: { partNumber: number; etag: string }[] = [];
  for (const partNumber of numbers) {
    const from = (partNumber - 1) * size;
    const to = Math.min(file.size, from + size);
    const etag = await retried({
      ...again,
      work: () =>
        client.send({ href: addresses.get(partNumber)!, body: () => bytesOf({ file, from, to }), size: to - from }),
    });
    if (etag === undefined)
      throw new HubError({
        code: 'invalid-answer',
        message: `${file.path}: the storage returned no ETag for part ${partNumber}`,
      });
    parts.push({ partNumber, etag });
  }
  await client.tell({ href: String(href), body: JSON.stringify({ oid, parts }) });
}

/** Retries if the storage is busy or the connection breaks, but not if the request is refused. */
async function retried<Result>({
  work,
  signal,
  retryDelay,
}: {
  work: () => Promise<Result>;
  signal?: AbortSignal;
  retryDelay: number;
}): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (cause) {
      const refused = cause instanceof HubStatusError && cause.status < 500 && ![408, 429].includes(cause.status);
      if (signal?.aborted === true || refused || HubError.isInstance(cause) || tries >= attempts) throw cause;
      await delay(retryDelay * 2 ** (tries - 1), undefined, { signal });
    }
  }
}
