// One table of every engine against PyTorch eager on the same cores, measured in turn in one run:
//   node tooling/bench/engines.mjs [--python python3] [--engines native,tensorflow,wasm] [--only train-128,generate-256-1]
//                                  [--rounds 3] [--threads 2] [--workers 2] [--pytorch-device cpu] [--json FILE]
// What is measured: whole training steps (forward, backward, clipping, AdamW) of a GPT-2 of widths 128, 256 and 512 with 4
// layers, batch 16 x 128 tokens, against PyTorch eager and torch.compile (rows compiled-…); of GPT-2's own shape (124M) at batch 4 x 256; of the vision model of `npm start`; and
// greedy generation of 64 tokens, batch 1 and 32, against transformers.generate. Each round runs ours, then PyTorch's:
// a shared machine changes its speed between rounds more than within one, so the median of the rounds' ratios is what
// counts. Beside it stands the ratio of the processor time that both spent, which other work on the machine changes less; with
// --threads 1 --workers 1 nothing of it is spent waiting. Without a Python that has torch (and transformers), only ours are measured. Needs a build (npm run bootstrap).
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: process.platform === 'win32' ? 'python' : 'python3' },
    engines: { type: 'string', default: 'native,tensorflow,wasm' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    workers: { type: 'string' },
    'pytorch-device': { type: 'string', default: 'cpu' },
    json: { type: 'string' },
  },
});

// As many threads for us as for PyTorch; TensorFlow's kernels of ours go by the same variable.
process.env.SUBTEXT_THREADS = options.threads;

const last = (text) => JSON.parse(text.trim().split('\n').at(-1));
const run = (file, args) =>
  last(execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 28 }));
const command = (engine, args) =>
  run(process.execPath, [
    join(root, 'apps', 'cli', 'bin', 'subtext.js'),
    'bench',
    ...args,
    '--engine',
    engine,
    '--json',
  ]);
const workers = (engine) => (options.workers !== undefined && engine === 'wasm' ? ['--workers', options.workers] : []);
const vision = (engine) =>
  run(process.execPath, [join(root, 'tooling', 'bench', 'vision-train.mjs'), '--engine', engine, ...workers(engine)]);
const pytorch = (args) =>
  run(options.python, [
    join(root, 'tooling', 'bench', 'train_pytorch.py'),
    ...args,
    '--threads',
    options.threads,
    '--device',
    options['pytorch-device'],
  ]);

const shape = (width) => ['--width', String(width), '--layers', '4', '--vocabulary', '1024'];
const trainArguments = (width) => [
  ...shape(width),
  '--tokens',
  '128',
  '--batch',
  '16',
  '--steps',
  '5',
  '--warmup',
  '2',
];
const gpt2 = [
  '--width',
  '768',
  '--layers',
  '12',
  '--vocabulary',
  '50257',
  '--tokens',
  '256',
  '--batch',
  '4',
  '--steps',
  '2',
  '--warmup',
  '1',
];

/** What is measured; `ours` takes an engine, both give tokens a second. */
const measurements = [
  ...[128, 256, 512].map((width) => ({
    name: `train-${width}`,
    what: `training, width ${width} × 4 layers, batch 16 × 128`,
    ours: (engine) => command(engine, ['train', ...trainArguments(width), ...workers(engine)]),
    theirs: () => pytorch(['train', ...trainArguments(width)]),
  })),
  ...[128, 256, 512].map((width) => ({
    name: `compiled-${width}`,
    what: `training, width ${width} × 4 layers, batch 16 × 128, against torch.compile`,
    ours: (engine) => command(engine, ['train', ...trainArguments(width), ...workers(engine)]),
    theirs: () => pytorch(['train', ...trainArguments(width), '--compile']),
  })),
  {
    name: 'train-gpt2',
    what: 'training, GPT-2 124M, batch 4 × 256',
    ours: (engine) => command(engine, ['train', ...gpt2, ...workers(engine)]),
    theirs: () => pytorch(['train', ...gpt2]),
  },
  {
    name: 'train-vision',
    what: 'training, the vision model of `npm start`, batch 32 × 116',
    ours: vision,
    theirs: () => pytorch(['vision', '--batch', '32', '--steps', '10', '--warmup', '3']),
  },
  ...[128, 256, 512].flatMap((width) =>
    ['1', '32'].map((batch) => ({
      name: `generate-${width}-${batch}`,
      what: `generation of 64 tokens, width ${width} × 4 layers, batch ${batch}`,
      ours: (engine) => {
        const { results, ...rest } = command(engine, ['generate', ...shape(width), '--batch', batch, '--rounds', '10']);
        return { ...rest, ...results[0] };
      },
      theirs: () => {
        const { results, ...rest } = pytorch(['generate', ...shape(width), '--batch', batch, '--rounds', '10']);
        return { ...rest, ...results[0] };
      },
    })),
  ),
];

const wanted = options.only?.split(',');
const unknown = wanted?.filter((name) => !measurements.some((measurement) => measurement.name === name)) ?? [];
if (unknown.length > 0 || !(Number(options.rounds) >= 1)) {
  console.error(
    unknown.length > 0
      ? `engines: there is no measurement ${unknown.join(', ')}. Known: ${measurements.map(({ name }) => name).join(', ')}.`
      : 'engines: --rounds must be 1 or more.',
  );
  process.exit(1);
}

let torch = null;
try {
  torch = execFileSync(options.python, ['-c', 'import torch; print(torch.__version__)'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
} catch {
  console.error(`engines: ${options.python} has no torch; only Subtext is measured. Name another with --python.`);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const rows = [];
const report = () => ({
  processor: cpus()[0]?.model.trim(),
  cores: cpus().length,
  node: process.versions.node,
  torch,
  threads: Number(options.threads),
  workers: options.workers ?? 'default',
  rounds: Number(options.rounds),
  rows,
});
console.log(
  '| what | engine | Subtext, tokens/s | PyTorch, tokens/s | ratio | ratios of the rounds | ratio of processor time | load |\n|---|---|---|---|---|---|---|---|',
);
for (const { name, what, ours, theirs } of measurements) {
  if (wanted && !wanted.includes(name)) continue;
  for (const engine of options.engines.split(',')) {
    const row = { name, what, engine, rounds: [], load: [] };
    try {
      for (let round = 0; round < Number(options.rounds); round++) {
        const mine = ours(engine);
        const other = torch === null ? null : theirs();
        row.device = mine.device;
        const processor = (result) => result?.processorMillisecondsPerStep ?? result?.processorMilliseconds ?? null;
        row.rounds.push({
          ours: mine.tokensPerSecond,
          theirs: other?.tokensPerSecond ?? null,
          ourProcessorMilliseconds: processor(mine),
          theirProcessorMilliseconds: processor(other),
        });
        row.load.push(Number(loadavg()[0].toFixed(1)));
      }
    } catch (error) {
      console.error(
        `engines: ${what} on ${engine} failed: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
      );
      continue;
    }
    rows.push(row);
    const ratios = row.rounds.filter((round) => round.theirs !== null).map((round) => round.ours / round.theirs);
    const processorRatios = row.rounds
      .filter((round) => round.theirs !== null)
      .map((round) => round.theirProcessorMilliseconds / round.ourProcessorMilliseconds);
    row.processorRatio = processorRatios.length > 0 ? Number(median(processorRatios).toFixed(3)) : null;
    row.ratio = ratios.length > 0 ? Number(median(ratios).toFixed(3)) : null;
    const number = (values) => (values.some((value) => value === null) ? '' : median(values).toFixed(0));
    console.log(
      `| ${what} | ${engine} | ${number(row.rounds.map((round) => round.ours))} | ${number(row.rounds.map((round) => round.theirs))} | ${row.ratio?.toFixed(2) ?? ''} | ` +
        `${ratios.length > 0 ? `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}` : ''} | ${row.processorRatio?.toFixed(2) ?? ''} | ${Math.min(...row.load)} to ${Math.max(...row.load)} |`,
    );
    if (options.json) writeFileSync(options.json, `${JSON.stringify(report(), null, 2)}\n`);
  }
}
console.log(
  `\nfloat32; ${report().processor}, ${cpus().length} cores; Node ${process.versions.node}; PyTorch ${torch ?? 'not there'} on ${options.threads} threads; medians of ${options.rounds} alternating rounds; load is the machine's, over a minute.`,
);
