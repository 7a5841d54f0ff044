import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { DataError } from '../errors';
import { detectFormat } from './detect-format';

/** The file that a path stands for: of a folder with a `train.jsonl`, as LLaVA-CoT's and generated ones have, that one. */
export async function examplesFile(path: string): Promise<string> {
  const inside = join(path, 'train.jsonl');
  const found = await Promise.all([
    stat(path).then(
      (status) => status.isDirectory(),
      () => false,
    ),
    stat(inside).then(
      (status) => status.isFile(),
      () => false,
    ),
  ]);
  return found.every(Boolean) ? inside : path;
}

/** What to try where a file gives no example: the format that it looks like. */
export async function formatHint({ file, format }: { file: string; format: string }): Promise<string | undefined> {
  const detected = await detectFormat(file).catch(() => undefined);
  return detected === undefined || detected === format
    ? undefined
    : `The file looks like ${detected}, not like ${format}: name that format.`;
}

/** Does something with a file; where it cannot be read in its format, the error says which one it looks like. */
export async function withFormatHint<Result>({
  file,
  format,
  work,
}: {
  file: string;
  format: string;
  work: () => Promise<Result>;
}): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!DataError.isInstance(cause) || cause.code !== 'file-malformed') throw cause;
    const hint = await formatHint({ file, format });
    throw hint === undefined ? cause : new DataError({ code: cause.code, message: `${cause.message} ${hint}`, cause });
  }
}
