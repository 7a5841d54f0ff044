import { readFile } from 'node:fs/promises';
import { writeFileAtomically } from '@subtext/core/node';
import { ModelFolderError } from '@subtext/encoders';

/**
 * Writes JSON so that the file appears whole or not at all.
 *
 * @throws FileError
 */
export async function writeJsonFile({ path, value }: { path: string; value: unknown }): Promise<void> {
  await writeFileAtomically({ path, data: `${JSON.stringify(value, null, 2)}\n` });
}

/** Reads a JSON object; null where there is no such file. */
export async function readJsonFile({ path }: { path: string }): Promise<Record<string, unknown> | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new ModelFolderError({ code: 'missing-file', path, message: `cannot be read: ${(cause as Error).message}`, cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ModelFolderError({ code: 'invalid-config', path, message: `is not valid JSON: ${(cause as Error).message}`, cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ModelFolderError({ code: 'invalid-config', path, message: 'is not a JSON object.' });
  }
  return value as Record<string, unknown>;
}
