/**
 * Throughput of training on 1, 2 and 4 processes of this machine, and what part of a step they only wait for messages: three
 * models, sums in the order of the shards against each rank's own first, the optimizer's state whole and in parts. Each
 * measurement is a start of `subtext bench train` under `mpirun`, in alternate rounds.
 *
 *     node tooling/scale/training.mjs [--rounds 1] [--pause 0] [--output FILE]
 *
 * `--pause`: seconds between starts, for others on the machine.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { launch, median, recordOf, root, save } from './machine.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    pause: { type: 'string', default: '0' },
    output: { type: 'string' },
  },
});
const models = [
  { name: 'small', width: 128, layers: 4, steps: 3 },
  { name: 'middle', width: 256, layers: 4, steps: 3 },
  { name: 'large', width: 384, layers: 6, steps: 3 },
];
const settings = { tokens: 64, batch: 8, shards: 4, vocabulary: 1024 };
const ways = [
  { order: 'shards', optimizerState: 'whole' },
  { order: 'shards', optimizerState: 'parts' },
  { order: 'any', optimizerState: 'whole' },
  { order: 'any', optimizerState: 'parts' },
];
const cases = [
  { ranks: 1 },
  ...ways.map((way) => ({ ranks: 2, ...way })),
  { ranks: 4, ...ways[0] },
  { ranks: 4, ...ways[2] },
];

function measure({ model: { width, layers, steps }, ranks, order, optimizerState }) {
  const given = { ...settings, width, layers, steps, warmup: 1, workers: 0, engine: 'native' };
  if (order) Object.assign(given, { order, 'optimizer-state': optimizerState });
  const words = Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return launch({
    ranks,
    words: [join(root, 'apps', 'cli', 'bin', 'subtext.js'), 'bench', 'train', ...words, '--json'],
  });
}

const record = recordOf();
const results = [];
for (const model of models) {
  const rounds = cases.map(() => []);
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [index, one] of cases.entries()) {
      rounds[index].push(measure({ model, ...one }));
      await sleep(1000 * Number(values.pause));
    }
  for (const [index, one] of cases.entries()) {
    const of = (name) => median(rounds[index].map((found) => found[name]));
    const [{ parameters }] = rounds[index];
    const milliseconds = of('millisecondsPerStep');
    const waited = one.ranks > 1 ? of('waitedMillisecondsPerStep') : 0;
    results.push({
      model: model.name,
      parameters,
      ...one,
      tokensPerSecond: Math.round(of('tokensPerSecond')),
      millisecondsPerStep: milliseconds,
      waitedMillisecondsPerStep: waited,
      waitedShare: waited / milliseconds,
    });
    console.log(JSON.stringify(results.at(-1)));
  }
  // After each model: what is there is kept where the rest takes too long.
  save({ path: values.output, result: { ...record, rounds: Number(values.rounds), settings, models, results } });
}
