import { readFile } from 'node:fs/promises';

import { RequestError } from '@subtext/core/node';

import { HubError } from '../hub-error';
import { accessToken, hubSettings } from '../hub-settings';
import type { HubOptions } from '../resolve-model-folder';
import { HubStatusError } from '../status-error';
import { PushClient } from './push-client';
import { planPush, type PushFile } from './push-plan';
import { bytesOf, hashOf, type LargeFile, sendLargeFiles } from './send-large-files';

/** Progress of a push. */
export interface PushProgress {
  /** Bytes uploaded or already on the hub. */
  bytes: number;
  /** Total bytes. */
  totalBytes: number;
}

export interface PushFolderOptions extends Pick<
  HubOptions,
  'token' | 'environment' | 'fetch' | 'signal' | 'retryDelay'
> {
  /** Model folder. */
  folder: string;
  /** Repository `owner/name`; created if it does not exist. */
  id: string;
  /** Additional or replacement text files by path, such as a model card. @default none */
  texts?: Readonly<Record<string, string>>;
  /** Create a new repository as private. @default the owner's settings */
  private?: boolean;
  /** Branch. @default 'main' */
  revision?: string;
  /** First line of the commit message. @default 'Upload by Subtext' */
  message?: string;
  onProgress?: (progress: PushProgress) => void;
}

/** Result of a push. */
export interface PushedFolder {
  /** URL of the repository. */
  url: string;
  /** Commit hash. */
  commit: string;
  files: number;
  bytes: number;
}

/** Maximum size of a file in the commit itself, in bytes; the Hub rejects larger ones. */
const mostRegularBytes = 10 * 2 ** 20;
const repositoryId = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

/** URL of the target repository. @throws HubError `not-found` for an invalid id */
export function pushAddress({ id, environment = process.env }: Pick<PushFolderOptions, 'id' | 'environment'>): string {
  if (!repositoryId.test(id) || id.includes('..') || id.includes('--'))
    throw new HubError({ code: 'not-found', message: `"${id}" is not a hub id: give owner/name` });
  return `${hubSettings(environment).endpointName}/${id}`;
}

/**
 * Uploads a model folder to the Hugging Face Hub in a single commit: all of it appears at once, or nothing does. Large files
 * go through git-lfs, as decided by the hub. Files that the hub already has are not sent again.
 *
 * Uses the token of `HF_TOKEN` or `hf auth login`, which needs write access.
 *
 * @throws HubError `unauthorized`, `not-found`, `unreachable`, `transfer-failed`, `invalid-answer`
 */
export async function pushFolder(options: PushFolderOptions): Promise<PushedFolder> {
  const { folder, id, texts, environment = process.env, fetch, signal, onProgress, retryDelay } = options;
  const { revision = 'main', message = 'Upload by Subtext' } = options;
  const url = pushAddress({ id, environment });
  const settings = hubSettings(environment);
  const token = await accessToken({ settings, given: options.token });
  if (token === undefined)
    throw new HubError({
      code: 'unauthorized',
      message: `a push to ${url} needs an access token with write access: set HF_TOKEN, or run "hf auth login"`,
    });
  const files = await planPush({ folder, texts });
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  let bytes = 0;
  const sent = ({ size }: PushFile): void => onProgress?.({ bytes: (bytes += size), totalBytes });
  const client = new PushClient({ settings, token, fetch, signal });
  try {
    const [organization, name] = id.split('/');
    // 409: it already exists.
    await client.call({
      path: '/api/repos/create',
      body: JSON.stringify({ type: 'model', name, organization, private: options.private }),
      accept: [409],
    });
    const modes = await uploadModes({ client, id, revision, files });
    const large: LargeFile[] = [];
    for (const file of files) if (modes.get(file.path) === 'lfs') large.push({ file, oid: await hashOf(file) });
    await sendLargeFiles({ client, id, revision, files: large, onSent: sent, signal, retryDelay });
    const oids = new Map(large.map(({ file, oid }) => [file.path, oid]));
    const lines: unknown[] = [{ key: 'header', value: { summary: message, description: '' } }];
    for (const file of files) {
      const { path, size } = file;
      const oid = oids.get(path);
      if (oid !== undefined) lines.push({ key: 'lfsFile', value: { path, algo: 'sha256', oid, size } });
      else if (modes.get(path) === 'regular') {
        const content = 'text' in file.source ? Buffer.from(file.source.text) : await readFile(file.source.file);
        lines.push({ key: 'file', value: { path, encoding: 'base64', content: content.toString('base64') } });
        sent(file);
      }
    }
    const { commitOid } = await client.call({
      path: `/api/models/${id}/commit/${encodeURIComponent(revision)}`,
      type: 'application/x-ndjson',
      body: lines.map((line) => JSON.stringify(line)).join('\n'),
    });
    if (typeof commitOid !== 'string')
      throw new HubError({ code: 'invalid-answer', message: `${url}: the hub returned no commit` });
    return { url, commit: commitOid, files: lines.length - 1, bytes };
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw describePush({ cause, url });
  }
}

/** Upload mode of each file by path; files ignored by the repository's settings are omitted. */
async function uploadModes({
  client,
  id,
  revision,
  files,
}: {
  client: PushClient;
  id: string;
  revision: string;
  files: readonly PushFile[];
}): Promise<Map<string, 'lfs' | 'regular'>> {
  const modes = new Map<string, 'lfs' | 'regular'>();
  for (let start = 0; start < files.length; start += 100) {
    const batch = files.slice(start, start + 100);
    const answer = await client.call({
      path: `/api/models/${id}/preupload/${encodeURIComponent(revision)}`,
      body: JSON.stringify({
        files: await Promise.all(
          batch.map(async (file) => ({ path: file.path, size: file.size, sample: await sampleOf(file) })),
        ),
      }),
    });
    const told = new Map(
      (Array.isArray(answer['files']) ? (answer['files'] as Record<string, unknown>[]) : []).map((one) => [
        one['path'],
        one,
      ]),
    );
    for (const { path, size } of batch) {
      const { uploadMode, shouldIgnore } = told.get(path) ?? {};
      if (shouldIgnore === true) continue;
      if (uploadMode !== 'lfs' && uploadMode !== 'regular')
        throw new HubError({ code: 'invalid-answer', message: `${path}: the hub returned no upload mode` });
      modes.set(path, size > mostRegularBytes ? 'lfs' : uploadMode);
    }
  }
  return modes;
}

/** The first bytes of a file in base64, from which the hub detects text. */
async function sampleOf(file: PushFile): Promise<string> {
  const parts: Uint8Array[] = [];
  if (file.size > 0) for await (const piece of bytesOf({ file, to: Math.min(file.size, 512) })) parts.push(piece);
  return Buffer.concat(parts).toString('base64');
}

/** Converts a failed request into an error about the push. */
function describePush({ cause, url }: { cause: unknown; url: string }): unknown {
  if (cause instanceof HubStatusError) {
    const refused = cause.status === 401 || cause.status === 403;
    return new HubError({
      code: refused ? 'unauthorized' : cause.status === 404 ? 'not-found' : 'transfer-failed',
      message: refused
        ? `${url}: the hub refuses (${cause.status}: ${cause.message}). The access token needs write access to it`
        : `${url}: the hub refuses (${cause.status}: ${cause.message}). Nothing was committed`,
      cause,
    });
  }
  if (RequestError.isInstance(cause))
    return new HubError({
      code: cause.code === 'invalid-token' ? 'unauthorized' : 'unreachable',
      message: `${cause.message}. Nothing was committed to ${url}; push again to resume`,
      cause,
    });
  return cause;
}
