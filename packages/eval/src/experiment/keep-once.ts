import { parseJson } from '@subtext/core';
import { FileError, readTextFile, writeFileAtomically } from '@subtext/core/node';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import { isRecord } from '../results/result-schema';
import { stableHash } from '../results/sample-record';

/**
 * Measures something once: a file keeps what was found beside what it was found of, and the same is not measured again. A
 * file of something else, or that is no such file, is made anew.
 */
export async function keepOnce<Value>({
  path,
  of,
  measure,
}: {
  path: string;
  /** All that changes what is found. */
  of: Record<string, unknown>;
  measure: () => Promise<Value>;
}): Promise<Value> {
  const key = stableHash(of);
  const text = await readTextFile({ path }).catch((error: unknown) => {
    if (FileError.isInstance(error) && error.code === 'not-found') return undefined;
    throw error;
  });
  if (text !== undefined) {
    try {
      const kept = parseJson({ text, name: path });
      if (isRecord(kept) && kept.key === key && 'value' in kept) return kept.value as Value;
    } catch {
      // Cut short or not ours: measured again.
    }
  }
  const value = await measure();
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically({ path, data: `${JSON.stringify({ key, of, value })}\n` });
  return value;
}
