/**
 * Holds the model of a step (step-model.mjs) against links of a known rate: two hosts of this machine, each a network
 * namespace with one rank, over TCP. What a step computes is measured over a link without a limit; the model then says what a step takes over
 * the slow one, and training is measured there.
 *
 *     node tooling/scale/emulated.mjs [--megabits 20] [--output FILE]
 *
 * Needs root, Linux and Open MPI; see tooling/reliability/host-namespaces.mjs.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findLaunch, openMpi } from '@subtext/mpi';

import { openHosts } from '../reliability/host-namespaces.mjs';
import { median, recordOf, root, save } from './machine.mjs';
import { gpt2Parameters, predictStep } from './step-model.mjs';

const { values } = parseArgs({
  options: { megabits: { type: 'string', default: '20' }, output: { type: 'string' }, latency: { type: 'boolean' } },
});
const megabits = Number(values.megabits);
const shape = { width: 128, layers: 4, vocabulary: 1024 };
const settings = { ...shape, tokens: 32, batch: 4, steps: 3, warmup: 1, workers: 0, engine: 'native' };
const cases = [
  { order: 'shards', optimizerState: 'whole', shards: 1 },
  { order: 'shards', optimizerState: 'parts', shards: 1 },
  { order: 'any', optimizerState: 'whole', shards: 1 },
  { order: 'any', optimizerState: 'parts', shards: 1 },
  { order: 'shards', optimizerState: 'whole', shards: 2 },
];

/** Half of the way there and back of 8 bytes. */
async function latency() {
  const mpi = await openMpi();
  const array = new Uint8Array(8);
  const times = [];
  for (let round = 0; round < 50; round++) {
    mpi.barrier();
    const began = performance.now();
    if (mpi.rank === 0) mpi.send({ array, to: 1 });
    mpi.receive({ array, from: 1 - mpi.rank });
    if (mpi.rank === 1) mpi.send({ array, to: 0 });
    times.push((performance.now() - began) / 2000);
  }
  if (mpi.rank === 0) console.log(JSON.stringify(median(times)));
  await mpi.close();
}

/** Starts a Node program on both hosts. */
function onHosts(network, words) {
  const [command, ...before] = [...network.enter(0), 'mpirun', ...network.mpirun.openmpi(), '-n', '2'];
  const { stdout, stderr, status } = spawnSync(command, [...before, process.execPath, ...words], {
    encoding: 'utf8',
    env: { ...process.env, SUBTEXT_THREADS: '1' },
  });
  if (status !== 0) throw new Error(`mpirun ended with ${status}:\n${stdout}${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

function train(network, { order, optimizerState, shards }) {
  const given = { ...settings, shards: 2 * shards, order, 'optimizer-state': optimizerState };
  const words = Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return onHosts(network, [join(root, 'apps', 'cli', 'bin', 'subtext.js'), 'bench', 'train', ...words, '--json']);
}

if (findLaunch()) await latency();
else {
  const record = recordOf();
  const { all, embeddings, tensors } = gpt2Parameters({ ...shape, positions: settings.tokens });
  const gradients = { bytes: 4 * all, tensors, lateShare: embeddings / all };
  const free = await openHosts({ count: 2 });
  const alone = new Map();
  try {
    for (const shards of new Set(cases.map((one) => one.shards))) {
      const found = train(free, { ...cases[0], shards });
      alone.set(shards, (found.millisecondsPerStep - found.waitedMillisecondsPerStep) / 1000);
    }
  } finally {
    await free.close();
  }
  const network = await openHosts({ count: 2, megabits });
  const results = [];
  let link;
  try {
    link = { latency: onHosts(network, [process.argv[1], '--latency']), bandwidth: (megabits * 1e6) / 8 };
    for (const { shards, ...way } of cases) {
      const { millisecondsPerStep, range } = train(network, { ...way, shards });
      const computing = { seconds: alone.get(shards), updateSeconds: 0 };
      // A thread that computes calls MPI between gradients alone, and `native` keeps the optimizer's state.
      const held = { overlap: 0, stateOnEngine: true };
      const { seconds, parts } = predictStep({ computing, gradients, ranks: 2, shards, ...way, link, ...held });
      const measured = millisecondsPerStep / 1000;
      results.push({ ...way, shards, measured, range, predicted: seconds, off: seconds / measured - 1, parts });
      console.log(JSON.stringify(results.at(-1)));
    }
  } finally {
    await network.close();
  }
  save({
    path: values.output,
    result: {
      ...record,
      megabits,
      shapedBy: network.shapedBy,
      settings,
      parameters: all,
      link,
      computingSeconds: Object.fromEntries(alone),
      results,
    },
  });
}
