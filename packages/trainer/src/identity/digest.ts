import { openRegularFile } from '@subtext/core/node';
import { createHash } from 'node:crypto';

/** SHA-256 of a value as JSON. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** SHA-256 of a regular file's bytes. @throws FileError */
export async function digestFile({ path, signal }: { path: string; signal?: AbortSignal }): Promise<string> {
  const hash = createHash('sha256');
  const { handle } = await openRegularFile(path);
  for await (const chunk of handle.createReadStream({ highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
}
