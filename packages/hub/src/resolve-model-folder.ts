import type { LockHolder } from '@subtext/core/node';
import { stat } from 'node:fs/promises';

import { HubError } from './hub-error';

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

/** How an id of the hub becomes a folder. */
export interface HubOptions {
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

export interface ResolveModelFolderOptions extends HubOptions {
  /** A folder, or an id such as `openai-community/gpt2`. */
  folder: string;
  /**
   * Names of settings' files, one of which is needed, such as `tokenizer.json`: weights then stay on the hub. Default: the
   * whole model.
   */
  needs?: readonly string[];
}

const modelId = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/;

/**
 * The folder of a model: of a path the path itself; of a model id of the Hugging Face Hub its folder in the standard
 * cache, with the files downloaded that are missing. Downloads resume, are verified by their hashes, and are shared with
 * Hugging Face's own tools. `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_HUB_OFFLINE` and `HF_ENDPOINT` are honoured; the
 * token goes to the endpoint's host and to no other.
 *
 * A hub that can't be reached is no error if the cache holds the model whole. The code that speaks to the hub is loaded
 * only where an id is resolved; a browser has folders only (addresses, and files by `openFiles` of `@subtext/core`).
 *
 * @throws HubError
 */
export async function resolveModelFolder({ folder, ...options }: ResolveModelFolderOptions): Promise<string> {
  if (await isFolder(folder)) return folder;
  if (!modelId.test(folder) || folder.includes('..') || folder.includes('--')) {
    throw new HubError({
      code: 'not-found',
      message: `${folder}: there is no such folder, and it is not a model id (owner/name) either`,
    });
  }
  const { downloadModel } = await import('./download-model');
  return downloadModel({ id: folder, ...options });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
