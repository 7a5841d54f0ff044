/* global WebAssembly */
// Every call of MPI, on arrays of every kind; each rank checks what it got. Arguments: the options of `openMpi` as JSON.
import assert from 'node:assert/strict';
import { findLocalRank, openMpi } from '../dist/index.js';

const options = JSON.parse(process.argv[2] ?? '{}');
const mpi = await openMpi(options);
const { rank, size } = mpi;
const ranks = Array.from({ length: size }, (_, one) => one);
const all = ranks.reduce((sum, one) => sum + one + 1, 0);
const length = 1001;
const last = size - 1;

const memories = {
  own: (bytes) => new ArrayBuffer(bytes),
  shared: (bytes) => new SharedArrayBuffer(bytes),
  wasm: (bytes) => new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) }).buffer,
  'shared wasm': (bytes) =>
    new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536), maximum: 1000, shared: true }).buffer,
};
const kinds = [
  Float32Array,
  Float64Array,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
];
const numbers = (array) => Array.from(array, Number);
const filled = (array, value) =>
  array.fill(array instanceof BigInt64Array || array instanceof BigUint64Array ? BigInt(value) : value);

mpi.barrier();
for (const [memory, make] of Object.entries(memories))
  for (const Kind of kinds) {
    const what = `${memory} ${Kind.name}`;
    const bytes = Kind.BYTES_PER_ELEMENT;
    // Neither at the beginning of its memory nor at its end.
    const array = new Kind(make((length + 2) * bytes), bytes, length);
    const parts = new Kind(make((3 * size + 2) * bytes), bytes, 3 * size);
    const is = (found, value) => assert.deepEqual([...new Set(numbers(found))], [value], what);

    mpi.allReduce({ array: filled(array, rank + 1) });
    is(array, all);
    mpi.allReduce({ array: filled(array, rank + 1), operation: 'max' });
    is(array, size);
    mpi.allReduce({ array: filled(array, rank + 1), operation: 'min' });
    is(array, 1);
    mpi.allReduce({ array: filled(array, 2), operation: 'product' });
    is(array, 2 ** size);
    const pending = mpi.startAllReduce({ array: filled(array, rank + 1) });
    await pending.finished();
    assert.equal(pending.done(), true);
    is(array, all);
    mpi.reduce({ array: filled(array, rank + 1), root: last });
    is(array, rank === last ? all : rank + 1);
    mpi.broadcast({ array: filled(array, rank + 1), root: last });
    is(array, size);

    const given = mpi.startBroadcast({ array: filled(array, rank + 1), root: last });
    given.wait();
    is(array, size);
    if (parts.byteLength <= (options.pieceBytes ?? Infinity)) {
      filled(parts, 0);
      filled(parts.subarray(3 * rank, 3 * rank + 3), rank + 1);
      await mpi.startAllGather({ array: parts }).finished();
      assert.deepEqual(
        numbers(parts),
        ranks.flatMap((one) => [one + 1, one + 1, one + 1]),
        what,
      );
    }
    filled(parts, 0);
    filled(parts.subarray(3 * rank, 3 * rank + 3), rank + 1);
    mpi.allGather({ array: parts });
    assert.deepEqual(
      numbers(parts),
      ranks.flatMap((one) => [one + 1, one + 1, one + 1]),
      what,
    );
    for (const one of ranks) filled(parts.subarray(3 * one, 3 * one + 3), one + rank);
    is(
      mpi.reduceScatter({ array: parts }),
      ranks.reduce((sum, one) => sum + one + rank, 0),
    );

    const part = new Kind(make(5 * bytes), bytes, 2);
    filled(part, rank + 1);
    const into = rank === last ? new Kind(make(2 * size * bytes), 0, 2 * size) : undefined;
    mpi.gather({ part, into, root: last });
    if (into)
      assert.deepEqual(
        numbers(into),
        ranks.flatMap((one) => [one + 1, one + 1]),
        what,
      );

    if (size > 1) {
      const [next, before] = [(rank + 1) % size, (rank + size - 1) % size];
      const got = new Kind(make(length * bytes), 0, length);
      if (rank === 0) {
        mpi.send({ array: filled(array, 7), to: next, tag: 3 });
        mpi.receive({ array: got, from: before, tag: 3 });
      } else {
        mpi.receive({ array: got, from: before, tag: 3 });
        mpi.send({ array: filled(array, 7), to: next, tag: 3 });
      }
      is(got, 7);
      const second = new Kind(make(2 * bytes), 0, 2);
      const exchange = mpi.startMessages({
        messages: [
          { receive: second, from: next, tag: 2 },
          { receive: filled(got, 0), from: next, tag: 1 },
          { send: filled(array, rank), to: before, tag: 1 },
          { send: part, to: before, tag: 2 },
        ],
      });
      exchange.wait();
      is(got, next);
      is(second, next + 1);
    }
  }

// Several at once, ended in another order than they were begun in.
const arrays = ranks.map((one) => new Float32Array(100_000).fill(rank + one));
const started = arrays.map((array) => mpi.startAllReduce({ array }));
for (const one of started.toReversed()) one.wait();
for (const [one, array] of arrays.entries())
  assert.equal(
    array[99_999],
    ranks.reduce((sum, r) => sum + r + one, 0),
  );

const host = `host ${rank % 2}`;
assert.deepEqual(findLocalRank({ mpi, host }), {
  host,
  localRank: Math.floor(rank / 2),
  localSize: ranks.filter((one) => one % 2 === rank % 2).length,
  hosts: ranks.map((one) => `host ${one % 2}`),
});

for (const wrong of [
  () => mpi.broadcast({ array: new Float32Array(1), root: size }),
  () => mpi.allReduce({ array: new Float32Array(1), operation: 'mean' }),
  () => mpi.allReduce({ array: [1] }),
  () => mpi.allReduce({ array: new DataView(new ArrayBuffer(8)) }),
  ...(size > 1 ? [() => mpi.allGather({ array: new Float32Array(size + 1) })] : []),
  () => mpi.gather({ part: new Float32Array(2), into: new Float32Array(1), root: rank }),
  () => mpi.send({ array: new Float32Array(1), to: -1 }),
])
  assert.throws(wrong, { name: 'MpiError', code: 'invalid-option' });
await assert.rejects(openMpi(), { name: 'MpiError', code: 'invalid-option', message: /once per process/ });

const { kind, version } = mpi.implementation;
await mpi.close();
assert.throws(() => mpi.barrier(), { name: 'MpiError', code: 'closed' });
if (rank === 0) console.log(JSON.stringify({ size, kind, version }));
