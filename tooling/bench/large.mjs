/**
 * Models of the sizes that people use, against what a user would take instead, by turns in one run: generation of a Llama of
 * 1.1B shape against llama.cpp (the same weights as GGUF) and transformers, with the share of the memory's bandwidth; LoRA
 * on it against PEFT in speed and memory; loading GPT-2 124M against transformers.
 *
 *     node tooling/bench/make-model-folders.mjs MODELS gpt2-124m llama-1.1b
 *     python tooling/bench/make_gguf.py MODELS/llama-1.1b MODELS/llama-1.1b-bf16.gguf
 *     python tooling/bench/make_gguf.py MODELS/llama-1.1b MODELS/llama-1.1b-q8_0.gguf --dtype q8_0
 *     node tooling/bench/large.mjs --models MODELS [--python python3] [--llamacpp FOLDER] [--rounds 2] [--threads 2]
 *                                  [--only generate-bf16,…] [--json FILE]
 *
 * `--llamacpp` names a folder in whose node_modules node-llama-cpp is installed. What is not there is left out, with a
 * reason. Needs a build (npm run bootstrap).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    models: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    llamacpp: { type: 'string' },
    rounds: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    tokens: { type: 'string', default: '16' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});
if (options.models === undefined) throw new Error('give --models FOLDER; the head of this file says how it is made');
process.env.SUBTEXT_THREADS = options.threads;

const here = fileURLToPath(new URL('.', import.meta.url));
const llama = join(options.models, 'llama-1.1b');
const gpt2 = join(options.models, 'gpt2-124m');
const last = (text) => JSON.parse(text.trim().split('\n').at(-1));
const run = (file, args) =>
  last(execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 28 }));
const ours = (...args) => run(process.execPath, [join(here, 'large-ours.mjs'), ...args]);
const python = (...args) => run(options.python, [join(here, 'large_python.py'), ...args, '--threads', options.threads]);
const llamacpp = (file) => {
  const path = join(options.models, file);
  if (!existsSync(path)) throw new Error(`${file} is not there`);
  const packages = options.llamacpp ? ['--packages', options.llamacpp] : [];
  const own = [
    join(here, 'large-llamacpp.mjs'),
    '--model',
    path,
    '--threads',
    options.threads,
    '--tokens',
    options.tokens,
  ];
  return run(process.execPath, [...own, ...packages]);
};
const tokens = ['--tokens', options.tokens];
// A short prompt: its pass is taken off, and 32 long ones would drown the tokens behind them.
const many = ['--batch', '32', '--prompt', '4', '--tokens', '16'];
const lora = ['--batch', '1', '--tokens', '256', '--steps', '1'];

/** What is measured, by turns: the first is Subtext, and the ratios are over it. */
const measurements = [
  {
    name: 'generate-bf16',
    what: 'generation, Llama 1.1B, bf16, batch 1',
    of: {
      'Subtext bf16': () => ours('generate', '--model', llama, '--dtype', 'bf16', ...tokens),
      'llama.cpp bf16': () => llamacpp('llama-1.1b-bf16.gguf'),
      'transformers bf16': () => python('generate', '--model', llama, '--dtype', 'bfloat16', ...tokens),
    },
  },
  {
    name: 'generate-int8',
    what: 'generation, Llama 1.1B, 8 bits, batch 1',
    of: {
      'Subtext int8': () => ours('generate', '--model', llama, '--dtype', 'int8', ...tokens),
      'llama.cpp q8_0': () => llamacpp('llama-1.1b-q8_0.gguf'),
    },
  },
  {
    name: 'generate-int4',
    what: 'generation, Llama 1.1B, 4 bits, batch 1',
    of: { 'Subtext int4': () => ours('generate', '--model', llama, '--dtype', 'int4', ...tokens) },
  },
  {
    name: 'generate-bf16-32',
    what: 'generation, Llama 1.1B, bf16, batch 32',
    of: {
      'Subtext bf16': () => ours('generate', '--model', llama, '--dtype', 'bf16', ...many),
      'transformers bf16': () => python('generate', '--model', llama, '--dtype', 'bfloat16', ...many),
    },
  },
  {
    name: 'generate-gpt2',
    what: 'generation, GPT-2 124M, float32, batch 1',
    of: {
      'Subtext float32': () => ours('generate', '--model', gpt2, '--tokens', '32'),
      'transformers float32': () => python('generate', '--model', gpt2, '--tokens', '32'),
    },
  },
  {
    name: 'lora',
    what: 'LoRA (queries and values, rank 16) on a Llama of 1.1B, 1 × 256',
    of: {
      'Subtext bf16': () => ours('lora', '--model', llama, '--dtype', 'bf16', ...lora),
      'Subtext int4': () => ours('lora', '--model', llama, '--dtype', 'int4', ...lora),
      'PEFT float32': () => python('lora', '--model', llama, ...lora),
      'PEFT bf16': () => python('lora', '--model', llama, '--dtype', 'bfloat16', ...lora),
    },
  },
  {
    name: 'load-gpt2',
    what: 'loading GPT-2 124M',
    of: {
      Subtext: () => ours('load', '--model', gpt2),
      transformers: () => python('load', '--model', gpt2),
    },
  },
];

const wanted = options.only?.split(',');
const unknown = wanted?.filter((name) => !measurements.some((measurement) => measurement.name === name)) ?? [];
if (unknown.length > 0)
  throw new Error(
    `there is no measurement ${unknown.join(', ')}; there are ${measurements.map(({ name }) => name).join(', ')}`,
  );

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const rows = [];
const report = () => ({
  processor: cpus()[0]?.model.trim(),
  cores: cpus().length,
  node: process.versions.node,
  threads: Number(options.threads),
  rounds: Number(options.rounds),
  rows,
});
console.log(
  '| what | with | tokens/s | Subtext is … times as fast | peak memory | of the memory’s bandwidth | load |\n|---|---|---|---|---|---|---|',
);
for (const { name, what, of } of measurements) {
  if (wanted && !wanted.includes(name)) continue;
  const row = {
    name,
    what,
    load: [],
    rounds: Object.fromEntries(Object.keys(of).map((who) => [who, []])),
    leftOut: {},
  };
  rows.push(row);
  for (let round = 0; round < Number(options.rounds); round++) {
    row.load.push(Number(loadavg()[0].toFixed(1)));
    for (const [who, measure] of Object.entries(of)) {
      if (who in row.leftOut) continue;
      try {
        row.rounds[who].push(measure());
      } catch (error) {
        const said = `${error.stderr ?? ''}\n${error.message}`.split('\n').filter((line) => /\S/.test(line));
        row.leftOut[who] = (said.find((line) => /Error/.test(line)) ?? said.at(-1)).slice(0, 300);
      }
    }
    if (options.json) writeFileSync(options.json, `${JSON.stringify(report(), null, 2)}\n`);
  }
  const speed = (one) => one.tokensPerSecond ?? 1 / one.loadSeconds;
  const [first] = Object.keys(of);
  row.ratios = {};
  for (const who of Object.keys(of)) {
    const found = row.rounds[who];
    if (found.length === 0) {
      console.log(`| ${what} | ${who} | left out: ${row.leftOut[who]} | | | | |`);
      continue;
    }
    const ratios = found.flatMap((one, round) => {
      const own = row.rounds[first][round];
      return own === undefined ? [] : [speed(own) / speed(one)];
    });
    if (who !== first && ratios.length > 0) row.ratios[who] = median(ratios);
    const share = found[0].share === undefined ? '' : `${(100 * median(found.map((one) => one.share))).toFixed(0)} %`;
    const shown =
      found[0].tokensPerSecond === undefined
        ? `${median(found.map((one) => one.loadSeconds)).toFixed(2)} s`
        : median(found.map(speed)).toFixed(1);
    const memory = `${(median(found.map((one) => one.peakBytes)) / 2 ** 30).toFixed(2)} GiB`;
    console.log(
      `| ${what} | ${who} | ${shown} | ${who === first ? '' : (row.ratios[who]?.toFixed(2) ?? '')} | ${memory} | ${share} | ${row.load.join(', ')} |`,
    );
  }
  if (options.json) writeFileSync(options.json, `${JSON.stringify(report(), null, 2)}\n`);
}
