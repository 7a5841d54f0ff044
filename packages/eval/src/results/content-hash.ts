import { openRegularFile } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import { createHash } from 'node:crypto';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EvaluationError } from '../errors';
import { stableHash } from './sample-record';

/** SHA-256 of a regular file. @throws FileError */
export async function hashFile(path: string): Promise<string> {
  const { handle } = await openRegularFile(path);
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(2 ** 20);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

/** Files that a model's folder may have; nobody has more, and listing them would take for ever. */
const mostFiles = 20_000;
/** Above this, a file of holes is none that a model is stored in. */
const sparseFrom = 2 ** 30;

/**
 * SHA-256 over the names and contents of all regular files under a folder, such as a model's. Of a large file that is
 * nearly all holes, size and time of change stand for the contents.
 *
 * @throws EvaluationError invalid-option for a folder of more files than any model has
 */
export async function hashFolder(folder: string): Promise<string> {
  const hashes: [string, string][] = [];
  const waiting = [''];
  for (let inside = waiting.pop(); inside !== undefined; inside = waiting.pop()) {
    for await (const entry of await opendir(join(folder, inside))) {
      const name = inside === '' ? entry.name : `${inside}/${entry.name}`;
      if (entry.isDirectory()) waiting.push(name);
      else {
        const path = join(folder, name);
        // Links are followed: those of the Hub's cache lead to its blobs.
        const found = await stat(path).catch(() => null);
        if (found?.isFile() !== true) continue;
        const holes = found.size >= sparseFrom && found.blocks * 512 < found.size / 10;
        hashes.push([name, holes ? `${found.size} ${found.mtimeMs}` : await hashFile(path)]);
      }
      if (hashes.length + waiting.length > mostFiles)
        throw new EvaluationError({
          code: 'invalid-option',
          message: `${folder} holds more than ${mostFiles} files; give a model's own folder.`,
        });
    }
  }
  return stableHash(hashes.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/**
 * SHA-256 over what examples are: their texts, facts and the bytes of their pictures. Two sets have one hash only where a
 * model is asked the same. A picture that cannot be read has its fault in place of its bytes.
 */
export async function hashExamples(examples: readonly ReasoningExample[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { image, ...text } of examples) {
    hash.update(stableHash(text));
    // A picture inside the data file has no file of its own: it is asked for its pixels.
    if (image !== undefined) hash.update(await hashFile(image.path).catch(() => pixelsOf(image)));
  }
  return hash.digest('hex');
}

async function pixelsOf(image: NonNullable<ReasoningExample['image']>): Promise<string> {
  try {
    const { data, width, height } = await image.load();
    return createHash('sha256').update(`${width}×${height}`).update(data).digest('hex');
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}
