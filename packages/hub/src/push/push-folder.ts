import { readFile } from 'node:fs/promises';

import { RequestError } from '@subtext/core/node';

import { HubError } from '../hub-error';
import { accessToken, hubSettings } from '../hub-settings';
import type { HubOptions } from '../resolve-model-folder';
import { HubStatusError } from '../status-error';
import { PushClient } from './push-client';
import { planPush, type PushFile } from './push-plan';
import { bytesOf, hashOf, type LargeFile, sendLargeFiles } from './send-large-files';

/** How far a push has come. */
export interface PushProgress {
  /** Bytes that the hub has. */
  bytes: number;
  /** Bytes in all. */
  totalBytes: number;
}

export interface PushFolderOptions extends Pick<
  HubOptions,
  'token' | 'environment' | 'fetch' | 'signal' | 'retryDelay'
> {
  /** The model's folder. */
  folder: string;
  /** `owner/name`; made where there is none. */
  id: string;
  /** Texts by path that are pushed in a file's place or beside the files, such as a model card. @default none */
  texts?: Readonly<Record<string, string>>;
  /** Whether a repository that is made is private. @default as its owner's settings say */
  private?: boolean;
  /** Branch. @default 'main' */
  revision?: string;
  /** The commit's first line. @default 'Upload by Subtext' */
  message?: string;
  onProgress?: (progress: PushProgress) => void;
}

/** What a push left. */
export interface PushedFolder {
  /** The repository's page. */
  url: string;
  /** The commit. */
  commit: string;
  files: number;
  bytes: number;
}

/** The most bytes of a file that goes into the commit itself; the Hub refuses larger ones. */
const mostRegularBytes = 10 * 2 ** 20;
const repositoryId = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

/** Where a push goes. @throws HubError `not-found` for what is no id */
export function pushAddress({ id, environment = process.env }: Pick<PushFolderOptions, 'id' | 'environment'>): string {
  if (!repositoryId.test(id) || id.includes('..') || id.includes('--'))
    throw new HubError({ code: 'not-found', message: `"${id}" is not an id of the hub: give owner/name` });
  return `${hubSettings(environment).endpointName}/${id}`;
}

/**
 * Pushes a model's folder to the Hugging Face Hub in one commit: all of it appears at once, or nothing does. Large files go
 * through git-lfs; which are large, the hub says. Files that it has are not sent again.
 *
 * The token is `HF_TOKEN`'s or what `hf auth login` wrote, and has to have the right to write.
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
      message: `a push to ${url} needs an access token with the right to write: set HF_TOKEN, or run "hf auth login"`,
    });
  const files = await planPush({ folder, texts });
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  let bytes = 0;
  const sent = ({ size }: PushFile): void => onProgress?.({ bytes: (bytes += size), totalBytes });
  const client = new PushClient({ settings, token, fetch, signal });
  try {
    const [organization, name] = id.split('/');
    // 409: it is there already.
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
      throw new HubError({ code: 'invalid-answer', message: `${url}: the hub named no commit` });
    return { url, commit: commitOid, files: lines.length - 1, bytes };
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw describePush({ cause, url });
  }
}

/** By path, how each file goes up; those that the repository's settings ignore have no place in it. */
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
        throw new HubError({ code: 'invalid-answer', message: `${path}: the hub does not say how it is uploaded` });
      modes.set(path, size > mostRegularBytes ? 'lfs' : uploadMode);
    }
  }
  return modes;
}

/** A file's first bytes in base64, from which the hub tells text. */
async function sampleOf(file: PushFile): Promise<string> {
  const parts: Uint8Array[] = [];
  if (file.size > 0) for await (const piece of bytesOf({ file, to: Math.min(file.size, 512) })) parts.push(piece);
  return Buffer.concat(parts).toString('base64');
}

/** What happened, in terms of what was to be pushed. */
function describePush({ cause, url }: { cause: unknown; url: string }): unknown {
  if (cause instanceof HubStatusError) {
    const refused = cause.status === 401 || cause.status === 403;
    return new HubError({
      code: refused ? 'unauthorized' : cause.status === 404 ? 'not-found' : 'transfer-failed',
      message: refused
        ? `${url}: the hub refuses (${cause.status}: ${cause.message}). The access token needs the right to write there`
        : `${url}: the hub refuses (${cause.status}: ${cause.message}). Nothing was committed`,
      cause,
    });
  }
  if (RequestError.isInstance(cause))
    return new HubError({
      code: cause.code === 'invalid-token' ? 'unauthorized' : 'unreachable',
      message: `${cause.message}. Nothing was committed to ${url}; the same push goes on with what the hub has`,
      cause,
    });
  return cause;
}
