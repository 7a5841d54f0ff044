import { FileError } from '@subtext/core/node';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describeFailure } from './describe-failure';
import { downloadBlob } from './download-blob';
import { HubClient } from './hub-client';
import { HubError } from './hub-error';
import { accessToken, hubSettings, type HubSettings } from './hub-settings';
import { cacheError, exists, isCommit, ModelCache } from './model-cache';
import type { HubOptions } from './resolve-model-folder';
import { wantedFiles, type HubFile } from './wanted-files';

export interface DownloadOptions extends HubOptions {
  /** Model id on the hub. */
  id: string;
  /** Alternative configuration files, one of which is required; no weights are downloaded then. Default: the whole model. */
  needs?: readonly string[];
}

const revisionName = /^\w[\w./-]*$/;

/** Downloads a hub model to the standard cache, if needed, and returns its folder. @throws HubError */
export async function downloadModel(options: DownloadOptions): Promise<string> {
  const { id, needs, signal, fetch } = options;
  const fromEnvironment = hubSettings(options.environment ?? process.env);
  const settings: HubSettings = { ...fromEnvironment, cacheFolder: options.cacheFolder ?? fromEnvironment.cacheFolder };
  const revision = options.revision ?? 'main';
  if (!revisionName.test(revision) || revision.includes('..')) {
    throw new HubError({ code: 'unknown-model', message: `"${revision}" is not the name of a branch, tag or commit` });
  }
  const cache = new ModelCache({ cacheFolder: settings.cacheFolder, id });
  const cached = await cache.wholeSnapshot({ revision, needs });
  // A commit never changes.
  if (cached !== undefined && (settings.offline || isCommit(revision))) return cached;
  if (settings.offline) {
    throw new HubError({
      code: 'offline',
      message: `there is no folder "${id}", HF_HUB_OFFLINE is set, and the model "${id}" (${revision}) is not complete in the cache ${cache.folder}. Unset it to download, or give the path of a folder`,
    });
  }
  const token = await accessToken({ settings, given: options.token });
  const client = new HubClient({ settings, token, fetch, signal });
  let current: string | undefined;
  try {
    const commit = await client.commitOf({ id, revision });
    current = cached === cache.snapshot(commit) ? cached : undefined;
    const files = wantedFiles({ id, files: await client.filesOf({ id, commit }), needs });
    await downloadFiles({ commit, files, cache, client, options });
    await cache.setCommit(revision, commit);
    return cache.snapshot(commit);
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    if (isFromDisk(cause)) {
      // A read-only cache can still serve complete models.
      if (current !== undefined && isClosed(cause)) return current;
      throw cacheError(cause, cache.folder);
    }
    const error = describeFailure({ cause, id, revision, endpoint: client.name, token, cache });
    if (error.code === 'unreachable' && cached !== undefined) return cached;
    throw error;
  }
}

/** Whether the error comes from the file system: those name the failed system call, network errors do not. */
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

async function downloadFiles({
  commit,
  files,
  cache,
  client,
  options,
}: {
  commit: string;
  files: readonly HubFile[];
  cache: ModelCache;
  client: HubClient;
  options: DownloadOptions;
}): Promise<void> {
  const { id, onProgress, onWait, waitSeconds, signal, retryDelay } = options;
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  let bytesBefore = 0;
  // Small files first, so that mistakes show before the weights are downloaded.
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
