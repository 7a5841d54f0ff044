import { writeFileAtomically } from '@subtext/core/node';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { EvaluationError } from '../errors';
import { RunFolder } from '../results/run-folder';
import { fileNamePart } from '../results/result-schema';
import { openSampleFile, readSamples } from '../results/sample-file';
import type { SampleRecord } from '../results/sample-record';
import { shardsFolder } from './shard';

/**
 * Brings the samples of a run's shards into its own files, in the order of the data. What the run has already stays; shards
 * that are not finished yet give what they have.
 *
 * @throws EvaluationError invalid-result-file where a shard holds another run
 */
export async function mergeShards({
  run,
  tasks,
}: {
  run: RunFolder;
  /** Names of the run's tasks. */ tasks: readonly string[];
}): Promise<{ /** Samples that came in. */ merged: number }> {
  const folder = join(run.folder, shardsFolder);
  const names = await readdir(folder).catch(() => [] as string[]);
  const shards: RunFolder[] = [];
  let merged = 0;
  try {
    for (const name of names.filter((one) => /^\d+-of-\d+$/.test(one)).sort()) {
      // A shard is a run with the same identity; another one is refused by name.
      const shard = await RunFolder.openBegun({ folder: join(folder, name), like: run });
      if (shard) shards.push(shard);
    }
    for (const task of tasks) {
      const own = await openSampleFile({ path: run.samplesPath(task) });
      const records = new Map<string, SampleRecord>(own.finished);
      await own.close();
      const before = records.size;
      for (const shard of shards) {
        const file = await openSampleFile({ path: shard.samplesPath(task) });
        for (const [id, record] of file.finished) if (!records.has(id)) records.set(id, record);
        await file.close();
      }
      if (records.size === before) continue;
      merged += records.size - before;
      const lines = [...records.values()].sort((one, other) => one.doc_id - other.doc_id);
      await writeFileAtomically({
        path: run.samplesPath(task),
        data: lines.map((record) => `${JSON.stringify(record)}\n`).join(''),
      });
    }
    return { merged };
  } finally {
    for (const shard of shards) await shard.close();
  }
}

/** Throws `incomplete` where samples are missing that shards were to answer. */
export function requireWhole({
  task,
  samples,
  folder,
}: {
  task: string;
  samples: readonly (SampleRecord | undefined)[];
  folder: string;
}): void {
  const missing = samples.filter((sample) => sample === undefined).length;
  if (missing === 0) return;
  throw new EvaluationError({
    code: 'incomplete',
    message: `${missing} of ${samples.length} samples of ${task} are in none of the shards in ${join(folder, shardsFolder)}. Run those that are missing, or that were interrupted, with the same settings, then merge again.`,
  });
}

/** Ids of the samples that a run's folder has of a task, without opening it for writing. */
export async function samplesIn({ folder, task }: { folder: string; task: string }): Promise<ReadonlySet<string>> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const name = names.find((one) => one.startsWith(`samples_${fileNamePart(task)}_`) && one.endsWith('.jsonl'));
  if (name === undefined) return new Set();
  return new Set((await readSamples({ path: join(folder, name) })).map(({ id }) => id));
}
