/**
 * Latency and bandwidth of the collectives of `@subtext/mpi` by size, against the same calls from C. The C code is compiled
 * into a library that the same processes load: both take the same arrays over the same connections, in alternate rounds.
 *
 *     node tooling/scale/collectives.mjs [--ranks 2] [--rounds 9] [--output FILE]
 *
 * Needs Open MPI with its compiler (`mpicc`). Times are medians over the rounds, of rank 0.
 */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { findLaunch, openMpi } from '@subtext/mpi';

import { compiled, launch, median, recordOf, save } from './machine.mjs';

const { values } = parseArgs({
  options: {
    ranks: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '9' },
    output: { type: 'string' },
    library: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const sizes = [8, 1024, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216];
/** Seconds of a round of one size: many short calls, few long ones. */
const ROUND_SECONDS = 0.02;

async function asRank() {
  const mpi = await openMpi();
  const koffi = createRequire(import.meta.resolve('@subtext/mpi'))('koffi');
  const library = koffi.load(values.library);
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
  const results = [];
  for (const [name, { c, ours }] of Object.entries(calls)) {
    const call = library.func(`double ${c}(void *, int, int)`);
    const fromNode = (array, count) => {
      const began = performance.now();
      for (let round = 0; round < count; round++) ours(array);
      return (performance.now() - began) / 1000;
    };
    const fromC = (array, count) => call(array, array.length, count);
    for (const bytes of sizes) {
      const length = Math.max(mpi.size, Math.ceil(bytes / 4 / mpi.size) * mpi.size);
      const array = new Float32Array(length);
      // The first calls set up connections and memory, and have JavaScript compiled; the number of calls is the first rank's.
      fromNode(array, bytes === sizes[0] ? 20_000 : 3);
      const once = new Float64Array([fromC(array, 3) / 3]);
      mpi.broadcast({ array: once });
      const count = Math.min(2000, Math.max(2, Math.ceil(ROUND_SECONDS / once[0])));
      const times = { node: [], c: [] };
      for (let round = 0; round < rounds; round++)
        for (const [who, run] of round % 2 === 0
          ? [
              ['node', fromNode],
              ['c', fromC],
            ]
          : [
              ['c', fromC],
              ['node', fromNode],
            ]) {
          mpi.barrier();
          times[who].push(run(array, count) / count);
        }
      const [node, fromCSeconds] = [median(times.node), median(times.c)];
      results.push({
        call: name,
        bytes: length * 4,
        calls: count,
        nodeMicroseconds: 1e6 * node,
        cMicroseconds: 1e6 * fromCSeconds,
        // Of each round by itself: what the machine did meanwhile met both.
        ofC: median(times.c.map((seconds, round) => seconds / times.node[round])),
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
  const words = [process.argv[1], '--rounds', values.rounds, '--library', library.path];
  const found = launch({ ranks, words });
  library.remove();
  const result = { ...record, ranks, rounds, ...found };
  for (const { call, bytes, nodeMicroseconds, cMicroseconds, ofC } of found.results)
    console.log(
      `${call.padEnd(18)}${String(bytes).padStart(10)} B  ${nodeMicroseconds.toFixed(1).padStart(10)} µs  C ${cMicroseconds.toFixed(1).padStart(10)} µs  ${ofC.toFixed(3)}`,
    );
  save({ path: values.output, result });
}
