import type { ReasoningExample } from '@subtext/data';
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';

import { digestFile, digestOf } from './digest';

/** Files that are read side by side. */
const AT_ONCE = 16;

/** The digest of what examples say, their pictures aside. */
export function digestTexts(examples: readonly ReasoningExample[]): string {
  const hash = createHash('sha256');
  for (const { id, question, steps, answer, image } of examples)
    hash.update(JSON.stringify([id, question, steps, answer, image !== undefined]));
  return hash.digest('hex');
}

/** The digest of what the files of examples' pictures hold. @throws FileError */
export async function digestPictures({
  examples,
  signal,
}: {
  examples: readonly ReasoningExample[];
  signal?: AbortSignal;
}): Promise<string> {
  const paths = [...new Set(examples.flatMap(({ image }) => (image ? [image.path] : [])))];
  const digests: string[] = new Array<string>(paths.length);
  const inside = new Map<string, Promise<string>>();
  let next = 0;
  const work = async () => {
    for (let index = next++; index < paths.length; index = next++) {
      signal?.throwIfAborted();
      const path = paths[index]!;
      // A picture inside a data file is named by that file and its line.
      const file = (await stat(path).catch(() => undefined)) === undefined ? path.replace(/:\d+$/, '') : path;
      if (file === path) digests[index] = await digestFile({ path, signal });
      else {
        if (!inside.has(file)) inside.set(file, digestFile({ path: file, signal }));
        digests[index] = await inside.get(file)!;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return digestOf(digests);
}
