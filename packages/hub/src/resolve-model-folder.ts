import { FileError, type LockHolder } from '@subtext/core/node';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describeFailure } from './describe-failure';
import { downloadBlob } from './download-blob';
import { HubClient } from './hub-client';
import { HubError } from './hub-error';
import { accessToken, hubSettings, type HubSettings } from './hub-settings';
import { cacheError, exists, isCommit, ModelCache } from './model-cache';
import { wantedFiles, type HubFile } from './wanted-files';

/** How far a download has come. */
export interface DownloadProgress {
  /** The file at hand. */
  file: string;
  /** Bytes of the model that are there. */
  bytes: number;
  /** Bytes in all. */
  totalBytes: number;
  /** Files that are there. */
  files: number;
  /** Files in all. */
  totalFiles: number;
}

export interface ResolveModelFolderOptions {
  /** Branch, tag or commit of a model of the hub. Default 'main'. */
  revision?: string;
  /** Called while files come. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Called once for each file that another process is downloading, before it is waited for. */
  onWait?: (wait: { file: string; holder: LockHolder | undefined }) => void;
  /** Seconds to wait for another process's download of a file. Default a day; a process that is gone is not waited for. */
  waitSeconds?: number;
  /** Stops the download; what has come stays, and the next call resumes it. */
  signal?: AbortSignal;
  /** The folder of cached models. Default: as `HF_HUB_CACHE` or `HF_HOME` say. */
  cacheFolder?: string;
  /** An access token, for the endpoint's own host. Default: `HF_TOKEN`, else what `hf auth login` wrote. */
  token?: string;
  /** Where settings are read from. Default `process.env`. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** What requests are made with, such as one that goes through a proxy. Default: the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** Milliseconds before a broken transfer is first taken up again; doubled each time. Default 500. */
  retryDelay?: number;
}

const modelId = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/;
const revisionName = /^\w[\w./-]*$/;

/**
 * The folder of a model: of a path the path itself; of a model id of the Hugging Face Hub its folder in the standard
 * cache, with the files downloaded that are missing. Downloads resume, are verified by their hashes, and are shared with
 * Hugging Face's own tools. `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_HUB_OFFLINE` and `HF_ENDPOINT` are honoured; the
 * token goes to the endpoint's host and to no other.
 *
 * A hub that can't be reached is no error if the cache holds the model whole.
 *
 * @param idOrPath a folder, or an id such as `openai-community/gpt2`
 * @throws HubError
 */
export async function resolveModelFolder(idOrPath: string, options: ResolveModelFolderOptions = {}): Promise<string> {
  if (await isFolder(idOrPath)) return idOrPath;
  if (!modelId.test(idOrPath) || idOrPath.includes('..') || idOrPath.includes('--')) {
    throw new HubError({
      code: 'not-found',
      message: `${idOrPath}: there is no such folder, and it is not a model id (owner/name) either`,
    });
  }
  const fromEnvironment = hubSettings(options.environment ?? process.env);
  const settings: HubSettings = { ...fromEnvironment, cacheFolder: options.cacheFolder ?? fromEnvironment.cacheFolder };
  const revision = options.revision ?? 'main';
  if (!revisionName.test(revision) || revision.includes('..')) {
    throw new HubError({ code: 'unknown-model', message: `"${revision}" is not the name of a branch, tag or commit` });
  }
  const cache = new ModelCache({ cacheFolder: settings.cacheFolder, id: idOrPath });
  const cached = await cache.wholeSnapshot(revision);
  // A commit never changes.
  if (cached !== undefined && (settings.offline || isCommit(revision))) return cached;
  if (settings.offline) {
    throw new HubError({
      code: 'offline',
      message: `HF_HUB_OFFLINE is set and the model "${idOrPath}" (${revision}) is not whole in the cache: looked in ${cache.folder}. Unset it to download, or give the path of a folder`,
    });
  }
  const { signal, fetch } = options;
  const token = await accessToken({ settings, given: options.token });
  const client = new HubClient({ settings, token, fetch, signal });
  let current: string | undefined;
  try {
    const commit = await client.commitOf({ id: idOrPath, revision });
    current = cached === cache.snapshot(commit) ? cached : undefined;
    const files = wantedFiles({ id: idOrPath, files: await client.filesOf({ id: idOrPath, commit }) });
    await downloadFiles({ id: idOrPath, commit, files, cache, client, options });
    await cache.setCommit(revision, commit);
    return cache.snapshot(commit);
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    if (isFromDisk(cause)) {
      // A cache that can only be read serves for what it holds whole.
      if (current !== undefined && isClosed(cause)) return current;
      throw cacheError(cause, cache.folder);
    }
    const error = describeFailure({ cause, id: idOrPath, revision, endpoint: client.name, token, cache });
    if (error.code === 'unreachable' && cached !== undefined) return cached;
    throw error;
  }
}

/** What the operating system says of a file has the call that failed; what it says of the network has not. */
function isFromDisk(cause: unknown): boolean {
  const { path, code } = (cause ?? {}) as NodeJS.ErrnoException;
  return (
    FileError.isInstance(cause) || (!HubError.isInstance(cause) && (typeof path === 'string' || code === 'ENOSPC'))
  );
}

function isClosed(cause: unknown): boolean {
  const codes = [cause, (cause as Error).cause].map((error) => (error as NodeJS.ErrnoException | undefined)?.code);
  return codes.some((code) => code === 'EROFS' || code === 'EACCES' || code === 'EPERM');
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function downloadFiles({
  id,
  commit,
  files,
  cache,
  client,
  options,
}: {
  id: string;
  commit: string;
  files: readonly HubFile[];
  cache: ModelCache;
  client: HubClient;
  options: ResolveModelFolderOptions;
}): Promise<void> {
  const { onProgress, onWait, waitSeconds, signal, retryDelay } = options;
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  let bytesBefore = 0;
  // Small files first, so that a mistake shows before the weights come.
  const ordered = [...files].sort((first, second) => first.size - second.size || (first.path < second.path ? -1 : 1));
  for (const [index, file] of ordered.entries()) {
    const report = (bytes: number, filesDone: number): void =>
      onProgress?.({
        file: file.path,
        bytes: bytesBefore + bytes,
        totalBytes,
        files: filesDone,
        totalFiles: files.length,
      });
    if (!(await exists(join(cache.snapshot(commit), file.path)))) {
      const blobPath = cache.blob(file.etag);
      if (!(await exists(blobPath))) {
        await cache.makeFolder(dirname(blobPath));
        await cache.requireRoom(totalBytes - bytesBefore - (await lengthOf(`${blobPath}.incomplete`)));
        await downloadBlob({
          id,
          commit,
          file,
          blobPath,
          client,
          onBytes: (bytes) => report(bytes, index),
          onWait: (holder) => onWait?.({ file: file.path, holder }),
          waitSeconds,
          signal,
          retryDelay,
        });
      }
      await cache.place({ commit, path: file.path, etag: file.etag });
    }
    report(file.size, index + 1);
    bytesBefore += file.size;
  }
}

async function lengthOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
