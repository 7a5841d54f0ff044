// Training and answering with continuous thoughts against facebookresearch/coconut on the same cores, in turn in one run:
//   node tooling/bench/coconut.mjs --reference CHECKOUT [--python python3] [--engines tensorflow,wasm] [--only train-2x128]
//                                  [--rounds 3] [--threads 2] [--workers 2] [--steps 3] [--vocabulary 1024] [--json FILE]
// CHECKOUT is a clone of github.com/facebookresearch/coconut, whose coconut.py is run as it is over transformers' GPT-2 by
// coconut_reference.py; ours is coconut-ours.mjs. Training: whole steps (forward, backward, AdamW) of a batch of 32 rows and
// 120 columns: questions of 55 to 70 tokens, moved so that the thoughts align, 4 thoughts between 2 marks, 44 tokens that
// are predicted. Generation: 16 tokens after question and thoughts, greedy; the reference answers one question at a time
// and computes every position again for each token, ours one or 32 with a cache. Both load the same weights and ids, and the
// run fails where they do not do the same work: positions, thoughts, predicted tokens, the first step's loss within 1e-4,
// the tokens that are written. Each round runs the reference and then each engine; the median of the rounds' ratios counts.
// The ratio of processor time is what other work on the machine changes least, with --threads 1 --workers 1 above all.
// Needs a build (npm run bootstrap) and a Python with torch and transformers.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { useEngine } from '@subtext/tensor';

import { writeCase } from './coconut-case.mjs';
import { tuneProcess } from '../../packages/core/dist/node.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values: options } = parseArgs({
  options: {
    reference: { type: 'string' },
    python: { type: 'string', default: process.platform === 'win32' ? 'python' : 'python3' },
    engines: { type: 'string', default: 'tensorflow,wasm' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    workers: { type: 'string', default: '2' },
    steps: { type: 'string', default: '3' },
    vocabulary: { type: 'string', default: '1024' },
    json: { type: 'string' },
  },
});
const shapes = [
  { layers: 2, width: 128 },
  { layers: 2, width: 768 },
  { layers: 4, width: 256 },
];
const engines = options.engines.split(',');
const batch = 32;

const last = (text) => JSON.parse(text.trim().split('\n').at(-1));
const run = (file, args) =>
  last(execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 28 }));
const ours = (what, folder, args) => run(process.execPath, [join(here, 'coconut-ours.mjs'), what, folder, ...args]);
const theirs = (what, folder, args) =>
  run(options.python, [
    join(here, 'coconut_reference.py'),
    what,
    folder,
    '--reference',
    options.reference,
    '--threads',
    options.threads,
    ...args,
  ]);

/** What is measured. Ratios compare samples a second; a round of generation runs often enough for the engine to be warm. */
const training = ['--steps', options.steps, '--warmup', '1'];
const measurements = shapes.flatMap(({ layers, width }) => {
  const shape = { layers, width, name: `${layers}x${width}` };
  const text = `${layers} layers × ${width}`;
  return [
    {
      name: `train-${shape.name}`,
      what: `training, ${text}, batch ${batch}`,
      shape,
      target: { tensorflow: 3, wasm: 2 },
      ours: (engine, folder) => ours('train', folder, ['--engine', engine, '--workers', options.workers, ...training]),
      theirs: (folder) => theirs('train', folder, training),
      check: sameTraining,
    },
    ...[1, batch].map((rows) => ({
      name: `generate-${shape.name}-${rows}`,
      what: `16 tokens, ${text}, batch ${rows}`,
      shape,
      target: rows === 1 ? 5 : 20,
      ours: (engine, folder) =>
        ours('generate', folder, [
          '--engine',
          engine,
          '--batch',
          String(rows),
          ...(rows === 1 ? ['--steps', '30', '--warmup', '30'] : ['--steps', '5', '--warmup', '3']),
        ]),
      theirs: (folder) => theirs('generate', folder, ['--steps', '10', '--warmup', '3']),
      check: sameAnswers,
    })),
  ];
});

function sameTraining(mine, other) {
  for (const count of ['columns', 'positions', 'thoughts', 'lossRows']) {
    if (mine[count] !== other[count])
      throw new Error(`${count}: ${mine[count]} here, ${other[count]} in the reference`);
  }
  const difference = Math.abs(mine.losses[0] - other.losses[0]);
  if (!(difference < 1e-4))
    throw new Error(`the first loss is ${mine.losses[0]} here, ${other.losses[0]} in the reference`);
  return { lossDifference: difference, lastLossDifference: Math.abs(mine.losses.at(-1) - other.losses.at(-1)) };
}

function sameAnswers(mine, other) {
  const rows = Math.min(mine.ids.length, other.ids.length);
  const same = mine.ids.slice(0, rows).filter((ids, row) => ids.join() === other.ids[row].join()).length;
  if (same < rows) throw new Error(`${rows - same} of ${rows} answers differ from the reference's`);
  if (mine.ids.some((ids) => ids.length !== 16)) throw new Error('an answer has fewer than 16 tokens');
  return { answersCompared: rows };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const wanted = options.only?.split(',');
const unknown = wanted?.filter((name) => !measurements.some((measurement) => measurement.name === name)) ?? [];
if (options.reference === undefined || unknown.length > 0 || !(Number(options.rounds) >= 1)) {
  const known = measurements.map(({ name }) => name).join(', ');
  console.error(
    `coconut: ${options.reference === undefined ? '--reference must name a checkout of github.com/facebookresearch/coconut' : unknown.length > 0 ? `there is no measurement ${unknown.join(', ')}; known: ${known}` : '--rounds must be 1 or more'}.`,
  );
  process.exit(1);
}

const samples = (result) => 1000 / (result.millisecondsPerSample ?? result.milliseconds / batch);
const processor = (result) =>
  result.processorMilliseconds / (result.batch ?? (result.millisecondsPerSample === undefined ? batch : 1));
const rows = [];
let failures = 0;
const folders = mkdtempSync(join(tmpdir(), 'subtext-coconut-'));
try {
  tuneProcess();
  await useEngine({ engine: 'wasm' });
  const made = new Map();
  console.log(
    '| what | engine | Subtext, samples/s | reference, samples/s | ratio | of the rounds | target | ratio of processor time | load |\n|---|---|---|---|---|---|---|---|---|',
  );
  for (const { name, what, shape, target, ours: measure, theirs: measureReference, check } of measurements) {
    if (wanted && !wanted.includes(name)) continue;
    if (!made.has(shape.name)) {
      made.set(shape.name, join(folders, shape.name));
      await writeCase({
        folder: join(folders, shape.name),
        ...shape,
        heads: shape.width / 64,
        vocabulary: Number(options.vocabulary),
        batch,
        batches: 4,
        questions: batch,
      });
    }
    const folder = made.get(shape.name);
    const found = engines.map((engine) => ({
      name,
      what,
      engine,
      target: typeof target === 'number' ? target : (target[engine] ?? null),
      rounds: [],
      load: [],
    }));
    for (let round = 0; round < Number(options.rounds); round++) {
      const other = measureReference(folder);
      for (const row of found) {
        try {
          const mine = measure(row.engine, folder);
          Object.assign(row, {
            device: mine.device,
            workers: mine.workers,
            torch: other.torch,
            same: check(mine, other),
          });
          row.rounds.push({
            ours: samples(mine),
            theirs: samples(other),
            ourProcessorMilliseconds: processor(mine),
            theirProcessorMilliseconds: processor(other),
          });
          row.load.push(Number(loadavg()[0].toFixed(1)));
        } catch (error) {
          failures++;
          console.error(
            `coconut: ${what} on ${row.engine} failed: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
          );
        }
      }
    }
    for (const row of found.filter(({ rounds }) => rounds.length > 0)) {
      const ratios = row.rounds.map((round) => round.ours / round.theirs);
      row.ratio = Number(median(ratios).toFixed(3));
      row.processorRatio = Number(
        median(row.rounds.map((round) => round.theirProcessorMilliseconds / round.ourProcessorMilliseconds)).toFixed(3),
      );
      rows.push(row);
      const number = (values) => median(values).toFixed(median(values) < 10 ? 2 : 1);
      console.log(
        `| ${what} | ${row.engine} | ${number(row.rounds.map((round) => round.ours))} | ${number(row.rounds.map((round) => round.theirs))} | ${row.ratio.toFixed(2)} | ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} | ${row.target ?? ''} | ${row.processorRatio.toFixed(2)} | ${Math.min(...row.load)} to ${Math.max(...row.load)} |`,
      );
    }
    const report = {
      processor: cpus()[0]?.model.trim(),
      cores: cpus().length,
      node: process.versions.node,
      threads: Number(options.threads),
      workers: Number(options.workers),
      vocabulary: Number(options.vocabulary),
      rounds: Number(options.rounds),
      rows,
    };
    if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
} finally {
  rmSync(folders, { recursive: true, force: true });
}
console.log(
  `\nfloat32; ${cpus()[0]?.model.trim()}, ${cpus().length} cores; Node ${process.versions.node}; PyTorch ${rows[0]?.torch ?? ''} on ${options.threads} threads, wasm with ${options.workers} workers in training; medians of ${options.rounds} alternating rounds; load is the machine's, over a minute.`,
);
process.exit(failures > 0 ? 1 : 0);
