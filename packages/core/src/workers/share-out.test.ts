import { expect, it } from 'vitest';

import { firstTells, type Peers, shareOut } from './share-out';

/** Processes of one thread: what they gather is put together once all have come. */
function together(size: number): Peers[] {
  let round: { array: Float64Array | Uint8Array; rank: number; go: () => void }[] = [];
  return Array.from({ length: size }, (_, rank) => ({
    rank,
    size,
    allGather: ({ array }) =>
      new Promise<void>((go) => {
        round.push({ array, rank, go });
        if (round.length < size) return;
        const met = round;
        round = [];
        const length = array.length / size;
        for (const { array: own, rank: from } of met)
          for (const { array: other } of met)
            (other as Uint8Array).set(own.subarray(from * length, (from + 1) * length) as Uint8Array, from * length);
        for (const one of met) one.go();
      }),
  }));
}

it.each([1, 2, 3, 5])('%i processes do each piece once, and all know what all gave', async (size) => {
  const done: number[] = [];
  const work = async (index: number) => {
    done.push(index);
    return { index, states: [Float32Array.of(0.1, index)], nothing: undefined, text: 'ä'.repeat(index) };
  };
  const all = await Promise.all(together(size).map((peers) => shareOut({ peers, count: 4, work })));
  expect(done.sort()).toEqual([0, 1, 2, 3]);
  for (const results of all) {
    expect(results.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(results[2]).toEqual({ index: 2, states: [Float32Array.of(0.1, 2)], nothing: undefined, text: 'ää' });
  }
});

it('what does not fit into one round travels in several', async () => {
  const work = (index: number) => new Uint8Array(400 + index).fill(index + 1);
  const [, second] = await Promise.all(
    together(2).map((peers) => shareOut({ peers, count: 2, work, roundBytes: 150 })),
  );
  expect(second!.map((bytes) => [...new Set(bytes), bytes.length])).toEqual([
    [1, 400],
    [2, 401],
  ]);
});

it('the first one tells all; a process that fails throws', async () => {
  let asked = 0;
  const told = await Promise.all(together(3).map((peers) => firstTells({ peers, work: () => ++asked })));
  expect(told).toEqual([1, 1, 1]);
  await expect(shareOut({ count: 2, work: (index) => Promise.reject(new Error(`piece ${index}`)) })).rejects.toThrow(
    'piece 0',
  );
});
