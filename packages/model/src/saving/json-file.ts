import { open, readFile, rename, rm } from 'node:fs/promises';
import { ModelFolderError } from '@subtext/encoders';

/** Writes JSON so that the file appears whole or not at all: a temporary file beside it, flushed, then renamed. */
export async function writeJsonFile({ path, value }: { path: string; value: unknown }): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(`${JSON.stringify(value, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
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
