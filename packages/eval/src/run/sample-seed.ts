import { createHash } from 'node:crypto';

/** A seed of an example's own, so that a draw depends neither on the batch nor on where a broken run went on. */
export function sampleSeed({ seed, id }: { seed: number; id: string | undefined }): number {
  return createHash('sha256').update(`${seed} ${id}`).digest().readUInt32LE(0);
}
