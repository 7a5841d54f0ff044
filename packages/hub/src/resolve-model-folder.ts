import type { LockHolder } from '@subtext/core/node';
import { stat } from 'node:fs/promises';

import { HubError } from './hub-error';

/** Progress of a download. */
export interface DownloadProgress {
  /** Current file. */
  file: string;
  /** Bytes of the model downloaded so far. */
  bytes: number;
  /** Total bytes. */
  totalBytes: number;
  /** Files downloaded so far. */
  files: number;
  /** Total number of files. */
  totalFiles: number;
}

/** Options for resolving a hub id to a folder. */
export interface HubOptions {
  /** Branch, tag or commit. Default 'main'. */
  revision?: string;
  /** Called during the download. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Called before waiting for a file that another process is downloading. */
  onWait?: (wait: { file: string; holder: LockHolder | undefined }) => void;
  /** Seconds to wait for another process's download of a file, as long as that process is alive. Default one day. */
  waitSeconds?: number;
  /** Aborts the download; the next call resumes it. */
  signal?: AbortSignal;
  /** Folder of the model cache. Default: from `HF_HUB_CACHE` or `HF_HOME`. */
  cacheFolder?: string;
  /** Access token, sent only to the endpoint's own host. Default: `HF_TOKEN`, else the token of `hf auth login`. */
  token?: string;
  /** Environment to read settings from. Default `process.env`. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Replacement for the global `fetch`, for example to use a proxy. */
  fetch?: typeof globalThis.fetch;
  /** Delay before the first retry in milliseconds, doubled each time. Default 500. */
  retryDelay?: number;
}

export interface ResolveModelFolderOptions extends HubOptions {
  /** A local folder, or a hub id such as `openai-community/gpt2`. */
  folder: string;
  /**
   * Alternative configuration files, one of which is required, such as `tokenizer.json`; no weights are downloaded then.
   * Default: the whole model.
   */
  needs?: readonly string[];
}

const modelId = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/;

/**
 * Resolves a model to a local folder: a path is returned as is; a Hugging Face Hub id is downloaded, if needed, to the
 * standard cache. Downloads are resumable, verified by hash, and shared with Hugging Face's own tools. Honours `HF_HOME`,
 * `HF_HUB_CACHE`, `HF_TOKEN`, `HF_HUB_OFFLINE` and `HF_ENDPOINT`; the token is sent only to the endpoint's host.
 *
 * If the hub can't be reached, a complete model in the cache is used. The download code is loaded only when an id is
 * resolved. In a browser only folders are supported (URLs, or files through `openFiles` of `@subtext/core`).
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
