import type { ReasoningExample } from '@subtext/data';
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import type { TrainConfiguration } from '../configuration/schema';

/** Feeds a file's bytes to a hash; a file that is not there counts as empty. */
async function hashFile({ hash, path }: { hash: Hash; path: string }): Promise<void> {
  await pipeline(createReadStream(path), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) hash.update(chunk);
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/**
 * Identifies everything that a run's result depends on: its configuration but for where and on how many threads it
 * runs, the examples, and the weights it starts from.
 */
export async function fingerprintOf({ configuration, examples }: { configuration: TrainConfiguration; examples: readonly ReasoningExample[] }): Promise<string> {
  const hash = createHash('sha256');
  const { output: _output, workers: _workers, ...decisive } = configuration;
  hash.update(JSON.stringify(decisive));
  for (const { id, question, steps, answer, image } of examples) hash.update(JSON.stringify([id, question, steps, answer, image !== undefined]));
  for (const folder of [configuration.model.from, configuration.interpreters?.model.from]) {
    if (folder !== undefined && folder !== 'reasoner') await hashFile({ hash, path: join(folder, 'model.safetensors') });
  }
  return hash.digest('hex');
}

/** Whether a run with this fingerprint has ended well. */
export async function isFinished({ path, fingerprint }: { path: string; fingerprint: string }): Promise<boolean> {
  try {
    return (JSON.parse(await readFile(path, 'utf8')) as { fingerprint?: string }).fingerprint === fingerprint;
  } catch {
    return false;
  }
}
