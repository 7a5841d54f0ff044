import { printable } from '@subtext/core';
import { stat } from 'node:fs/promises';

import { duration } from './output';
import { writeError } from './standard-output';
import { UsageError } from './usage-error';

const mebibyte = 2 ** 20;

/** Milliseconds between lines where the standard error is not a terminal. */
const PLAIN_INTERVAL = 5_000;

export interface FindModelOptions {
  /** A folder, or an id such as `owner/name`. */
  model: string;
  /** Stops a download; what has come stays. */
  signal?: AbortSignal;
}

/** What this process has found on the hub, so that it asks once. */
const downloaded = new Map<string, string>();

/**
 * The folder of a model that is named on a command line or in a configuration: a local folder as it is; else the id of a
 * model on the Hugging Face Hub, downloaded into the standard cache (`HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`,
 * `HF_HUB_OFFLINE`, `HF_ENDPOINT` count). Progress goes to the standard error, which leaves `--json` alone.
 */
export async function findModel({ model, signal }: FindModelOptions): Promise<string> {
  const known = downloaded.get(model);
  if (known !== undefined) return known;
  // The hub's library is brought only where it is needed.
  const found = await stat(model).catch(() => undefined);
  if (found?.isDirectory()) return model;
  if (found)
    throw new UsageError(
      `${model} is a file; a model is a folder, with its config.json and weights. Give ${/[/\\]/.test(model) ? model.replace(/[/\\][^/\\]*$/, '') : 'the folder that it is in'}.`,
    );
  const { resolveModelFolder } = await import('@subtext/hub');
  const terminal = process.stderr.isTTY === true;
  const began = performance.now();
  let told = 0;
  let first: number | undefined;
  const folder = await resolveModelFolder({
    folder: model,
    signal,
    onWait: ({ file, holder }) => {
      const who = holder === undefined ? 'another process' : `process ${holder.process} on ${printable(holder.host)}`;
      writeError(`${model}: waiting for ${who}, which downloads ${file}\n`);
    },
    onProgress: ({ file, bytes, totalBytes, files, totalFiles }) => {
      const now = performance.now();
      first ??= bytes;
      const finished = files === totalFiles;
      if (!terminal && !finished && now - told < PLAIN_INTERVAL) return;
      told = now;
      const speed = (bytes - first) / Math.max(1, now - began);
      const left = !finished && speed > 0 ? `  ${duration((totalBytes - bytes) / speed / 1000)} left` : '';
      const text = printable(
        `${model}: ${(bytes / mebibyte).toFixed(1)} of ${(totalBytes / mebibyte).toFixed(1)} MiB, ${files} of ${totalFiles} files${finished ? '' : ` (${file})`}${left}`,
      );
      writeError(
        terminal ? `\r\x1b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}${finished ? '\n' : ''}` : `${text}\n`,
      );
    },
  });
  downloaded.set(model, folder);
  return folder;
}
