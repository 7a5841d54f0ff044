import type { ReasoningExample } from '@subtext/data';
import { findModel } from '@subtext/terminal';
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
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
export async function fingerprintOf({ configuration, examples, signal }: { configuration: TrainConfiguration; examples: readonly ReasoningExample[]; signal?: AbortSignal }): Promise<string> {
  const hash = createHash('sha256');
  const { output: _output, workers: _workers, logs: _logs, data, ...decisive } = configuration;
  // What it will be tested on is compared with what it is trained on, and changes nothing.
  const { evaluation: _evaluation, overlap: _overlap, ...read } = data;
  hash.update(JSON.stringify({ ...decisive, data: read }));
  for (const { id, question, steps, answer, image } of examples) hash.update(JSON.stringify([id, question, steps, answer, image !== undefined]));
  for (const model of startingModels(configuration)) {
    const folder = await findModel({ model, signal });
    const weights = (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).sort();
    for (const name of weights) await hashFile({ hash, path: join(folder, name) });
  }
  return hash.digest('hex');
}

/** The models that a run starts from: folders, or ids of models on the hub. */
export function startingModels({ model, interpreters }: Pick<TrainConfiguration, 'model' | 'interpreters'>): string[] {
  return [model.from, interpreters?.model.from].flatMap((from) => (from === undefined || from === 'reasoner' ? [] : [from]));
}

/** Whether a run with this fingerprint has ended well. */
export async function isFinished({ path, fingerprint }: { path: string; fingerprint: string }): Promise<boolean> {
  try {
    return (JSON.parse(await readFile(path, 'utf8')) as { fingerprint?: string }).fingerprint === fingerprint;
  } catch {
    return false;
  }
}
