import { parseJson } from '@subtext/core';
import { FileError, readTextFile } from '@subtext/core/node';

import { ModelFolderError } from './model-folder-error';

/** Maximum size of a settings file in bytes. */
const maximumBytes = 16 * 2 ** 20;

/**
 * Reads a JSON object from a file of a model folder; null if there is no such file. Rejects pipes, devices and
 * oversized files.
 *
 * @throws ModelFolderError `invalid-config`, `input-output`
 */
export async function readJsonObject({ path }: { path: string }): Promise<Record<string, unknown> | null> {
  let value: unknown;
  try {
    value = parseJson({ text: await readTextFile({ path, maximumBytes }), name: 'this' });
  } catch (cause) {
    const reason = (cause as Error).message.replace(`${path}: `, '').replace(`${path} `, '');
    if (!FileError.isInstance(cause))
      throw new ModelFolderError({ code: 'invalid-config', path, message: `is not valid JSON: ${reason}`, cause });
    if (cause.code === 'not-found') return null;
    const isContent = cause.code !== 'input-output';
    throw new ModelFolderError({
      code: isContent ? 'invalid-config' : 'input-output',
      path,
      message: `cannot be read: ${reason}`,
      cause,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ModelFolderError({ code: 'invalid-config', path, message: 'is not a JSON object.' });
  }
  return value as Record<string, unknown>;
}
