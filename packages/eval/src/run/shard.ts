import { join } from 'node:path';

import { EvaluationError } from '../errors';

/** One of several parts that an evaluation is cut into: `3/8` is the third of eight. */
export interface Shard {
  /** From 1. */
  number: number;
  of: number;
}

/** Reads `3/8`. @throws EvaluationError invalid-option */
export function parseShard(text: string): Shard {
  const [, number, of] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number);
  if (number === undefined || of === undefined || number < 1 || number > of)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `A shard is written as its number and how many there are, such as 3/8; got ${JSON.stringify(text)}.`,
    });
  return { number, of };
}

/** Where shards keep their samples, in the folder of the whole run. */
export const shardsFolder = 'shards';

/** The folder of a shard. */
export function shardFolder({ folder, shard: { number, of } }: { folder: string; shard: Shard }): string {
  return join(folder, shardsFolder, `${number}-of-${of}`);
}

/** Whether a shard has the example at this place: whole batches are dealt, so that questions keep their neighbours. */
export function isOfShard({
  index,
  batch,
  shard: { number, of },
}: {
  /** Of the example in its task, from 0. */ index: number;
  batch: number;
  shard: Shard;
}): boolean {
  return Math.floor(index / batch) % of === number - 1;
}
