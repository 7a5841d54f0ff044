/**
 * Latency and bandwidth of the collectives of `@subtext/mpi` by size, against the same calls from C. The C code is compiled
 * into a library that the same processes load: both take the same arrays over the same connections, in alternate rounds.
 *
 *     node tooling/scale/collectives.mjs [--ranks 2] [--rounds 60] [--output FILE]
 *
 * Needs Open MPI with its compiler (`mpicc`). Rounds are short, and the time of the fastest tenth counts, for both alike: on
 * a busy machine those are the rounds in which all ranks had a processor. Medians stand beside. Times are rank 0's.
 */
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { findLaunch, openMpi } from '@subtext/mpi';

import { compiled, launch, median, quantile, recordOf, save } from './machine.mjs';

const { values } = parseArgs({
  options: {
    ranks: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '60' },
    output: { type: 'string' },
    code: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const sizes = [8, 4096, 65_536, 1_048_576, 4_194_304];
/** Seconds of a round of one size: many short calls, few long ones. */
const ROUND_SECONDS = 0.0005;
const FASTEST = 0.1;

async function asRank() {
  const mpi = await openMpi();
  const koffi = createRequire(import.meta.resolve('@subtext/mpi'))('koffi');
  const library = koffi.load(values.code);
  const other = (mpi.rank + 1) % 2;
  const calls = {
    'all-reduce': { c: 'all_reduce', ours: (array) => mpi.allReduce({ array }) },
    'reduce-scatter': { c: 'reduce_scatter', ours: (array) => mpi.reduceScatter({ array }) },
    'all-gather': { c: 'all_gather', ours: (array) => mpi.allGather({ array }) },
    broadcast: { c: 'broadcast', ours: (array) => mpi.broadcast({ array }) },
    'send and receive': {
      c: 'send_receive',
      ours(array) {
        if (mpi.rank > 1) return;
        if (mpi.rank === 0) mpi.send({ array, to: other });
        mpi.receive({ array, from: other });
        if (mpi.rank === 1) mpi.send({ array, to: other });
      },
    },
  };
  const fromNode = (ours) => (array, count) => {
    const began = performance.now();
    for (let round = 0; round < count; round++) ours(array);
    return (performance.now() - began) / 1000;
  };
  // Until JavaScript is compiled; that is done beside, by a thread that a busy machine lets wait.
  for (let time = 0; time < 3; time++) {
    for (const { ours } of Object.values(calls)) fromNode(ours)(new Float32Array(mpi.size), 3000);
    await sleep(1500);
  }
  const results = [];
  for (const [name, { c, ours }] of Object.entries(calls)) {
    const call = library.func(`double ${c}(void *, int, int)`);
    const node = fromNode(ours);
    const fromC = (array, count) => call(array, array.length, count);
    for (const bytes of sizes) {
      const length = Math.max(mpi.size, Math.ceil(bytes / 4 / mpi.size) * mpi.size);
      const array = new Float32Array(length);
      // The first calls set up connections and memory; the number of calls is the first rank's.
      node(array, 1);
      const once = new Float64Array([Math.min(fromC(array, 1), fromC(array, 1), fromC(array, 1))]);
      mpi.broadcast({ array: once });
      const count = Math.min(200, Math.max(1, Math.ceil(ROUND_SECONDS / once[0])));
      const times = { node: [], c: [] };
      for (let round = 0; round < rounds; round++)
        for (const [who, run] of round % 2 === 0
          ? [
              ['node', node],
              ['c', fromC],
            ]
          : [
              ['c', fromC],
              ['node', node],
            ]) {
          mpi.barrier();
          times[who].push(run(array, count) / count);
        }
      const fastest = { node: quantile(times.node, FASTEST), c: quantile(times.c, FASTEST) };
      results.push({
        call: name,
        bytes: length * 4,
        calls: count,
        nodeMicroseconds: 1e6 * fastest.node,
        cMicroseconds: 1e6 * fastest.c,
        ofC: fastest.c / fastest.node,
        medians: { nodeMicroseconds: 1e6 * median(times.node), cMicroseconds: 1e6 * median(times.c) },
      });
    }
  }
  if (mpi.rank === 0) console.log(JSON.stringify({ mpi: mpi.implementation.version, results }));
  await mpi.close();
}

if (findLaunch()) await asRank();
else {
  const ranks = Number(values.ranks);
  const record = recordOf();
  const library = compiled(new URL('./collectives.c', import.meta.url));
  const words = [process.argv[1], '--rounds', values.rounds, '--code', library.path];
  const found = launch({ ranks, words });
  library.remove();
  const result = { ...record, ranks, rounds, ...found };
  for (const { call, bytes, nodeMicroseconds, cMicroseconds, ofC } of found.results)
    console.log(
      `${call.padEnd(18)}${String(bytes).padStart(10)} B  ${nodeMicroseconds.toFixed(1).padStart(10)} µs  C ${cMicroseconds.toFixed(1).padStart(10)} µs  ${ofC.toFixed(3)}`,
    );
  save({ path: values.output, result });
}
