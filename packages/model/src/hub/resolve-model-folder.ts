import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { downloadFile, listFiles, modelInfo } from '@huggingface/hub';
import { describeFailure } from './describe-failure';
import { downloadBlob } from './download-blob';
import { HubError } from './hub-error';
import { hubSettings, type HubSettings } from './hub-settings';
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
  /** Stops the download; what has come stays, and the next call goes on with it. */
  signal?: AbortSignal;
  /** The folder of cached models. Default: as `HF_HUB_CACHE` or `HF_HOME` say. */
  cacheFolder?: string;
  /** An access token. Default: `HF_TOKEN`. */
  token?: string;
  /** Where settings are read from. Default `process.env`. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** What requests are made with, such as one that goes through a proxy. Default: the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** Milliseconds before a broken transfer is first taken up again; doubled each time. Default 500. */
  retryDelay?: number;
}

/** What the library's calls have in common. */
interface Access {
  hubUrl: string;
  fetch: typeof globalThis.fetch;
  accessToken?: string;
}

const modelId = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/;
const revisionName = /^\w[\w./-]*$/;

/**
 * The folder of a model: of a path the path itself; of a model id of the Hugging Face Hub its folder in the standard
 * cache, with the files downloaded that are missing. Downloads resume, are verified by their hashes, and are shared with
 * Hugging Face's own tools. `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_HUB_OFFLINE` and `HF_ENDPOINT` are honoured.
 *
 * A hub that can't be reached is no error if the cache holds the model whole.
 *
 * @param idOrPath a folder, or an id such as `openai-community/gpt2`
 * @throws HubError
 */
export async function resolveModelFolder(idOrPath: string, options: ResolveModelFolderOptions = {}): Promise<string> {
  if (await isFolder(idOrPath)) return idOrPath;
  if (!modelId.test(idOrPath) || idOrPath.includes('..') || idOrPath.includes('--')) {
    throw new HubError({ code: 'not-found', message: `${idOrPath}: there is no such folder, and it is not a model id (owner/name) either` });
  }
  const fromEnvironment = hubSettings(options.environment ?? process.env);
  const settings: HubSettings = {
    ...fromEnvironment,
    cacheFolder: options.cacheFolder ?? fromEnvironment.cacheFolder,
    token: options.token ?? fromEnvironment.token,
  };
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
  const { signal, fetch = globalThis.fetch } = options;
  const access: Access = {
    hubUrl: settings.endpoint,
    fetch: (input, init) => fetch(input, { ...init, signal }),
    ...(settings.token === undefined ? {} : { accessToken: settings.token }),
  };
  try {
    const { sha: commit } = await modelInfo({ ...access, name: idOrPath, revision, additionalFields: ['sha'] });
    if (typeof commit !== 'string' || !isCommit(commit)) {
      throw new HubError({ code: 'invalid-answer', message: `${settings.endpoint} gave no commit for the model "${idOrPath}"` });
    }
    const files = wantedFiles({ id: idOrPath, files: await listedFiles({ access, id: idOrPath, commit }) });
    await downloadFiles({ id: idOrPath, commit, files, cache, access, options });
    await cache.setCommit(revision, commit);
    return cache.snapshot(commit);
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    // What the operating system says has the call that failed; what the network says has not, or none of a file.
    if (typeof (cause as NodeJS.ErrnoException).path === 'string' || (cause as NodeJS.ErrnoException).code === 'ENOSPC') throw cacheError(cause, cache.folder);
    const error = describeFailure({ cause, id: idOrPath, revision, settings, cache });
    if (error.code === 'unreachable' && cached !== undefined) return cached;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function listedFiles({ access, id, commit }: { access: Access; id: string; commit: string }): Promise<HubFile[]> {
  const files: HubFile[] = [];
  for await (const entry of listFiles({ ...access, repo: { type: 'model', name: id }, revision: commit, recursive: true })) {
    if (entry.type !== 'file') continue;
    const etag = entry.lfs?.oid ?? entry.oid;
    const size = entry.lfs?.size ?? entry.size;
    if (typeof entry.path !== 'string' || typeof etag !== 'string' || !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(etag) || !Number.isSafeInteger(size) || size < 0) {
      throw new HubError({ code: 'invalid-answer', message: `${access.hubUrl} lists the file ${JSON.stringify(entry.path)} of "${id}" without a hash or a length` });
    }
    files.push({ path: entry.path, size, etag });
  }
  return files;
}

async function downloadFiles({
  id,
  commit,
  files,
  cache,
  access,
  options,
}: {
  id: string;
  commit: string;
  files: readonly HubFile[];
  cache: ModelCache;
  access: Access;
  options: ResolveModelFolderOptions;
}): Promise<void> {
  const { onProgress, signal, retryDelay } = options;
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  let bytesBefore = 0;
  // Small files first, so that a mistake shows before the weights come.
  const ordered = [...files].sort((first, second) => first.size - second.size || (first.path < second.path ? -1 : 1));
  for (const [index, file] of ordered.entries()) {
    const report = (bytes: number, filesDone: number): void =>
      onProgress?.({ file: file.path, bytes: bytesBefore + bytes, totalBytes, files: filesDone, totalFiles: files.length });
    if (!(await exists(join(cache.snapshot(commit), file.path)))) {
      const blobPath = cache.blob(file.etag);
      const content = async (): Promise<Blob> => {
        // Plain HTTP: its ranges are what resuming needs.
        const blob = await downloadFile({ ...access, repo: { type: 'model', name: id }, path: file.path, revision: commit, xet: false });
        if (blob === null) throw new HubError({ code: 'transfer-failed', message: 'the hub lists it but does not have it' });
        return blob;
      };
      if (!(await exists(blobPath))) await downloadBlob({ file, blobPath, content, onBytes: (bytes) => report(bytes, index), signal, retryDelay });
      await cache.place({ commit, path: file.path, etag: file.etag });
    }
    report(file.size, index + 1);
    bytesBefore += file.size;
  }
}
