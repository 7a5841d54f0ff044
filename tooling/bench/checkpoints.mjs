// Measures loading and greedy generation of model folders against transformers on the same cores, in turn:
//   node tooling/bench/checkpoints.mjs FOLDER… [--engines tensorflow,wasm] [--python python3] [--rounds 3] [--threads 2]
//                                      [--batches 1,8] [--prompt 16] [--new-tokens 32] [--no-generate] [--output FILE.json]
// FOLDERs come from make-model-folders.mjs. Each round runs every engine and then transformers, each in a process of its
// own; medians of the rounds, and of the rounds' ratios, are printed as Markdown, with the machine's load.
// Peak memory is the process's largest resident set less what it had before loading. Processor time, of all threads,
// says more than the clock on a machine that others use. --threads also limits tensorflow. Needs a build: npm run bootstrap.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tuneProcess } from '../../packages/core/dist/node.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engines: { type: 'string', default: 'tensorflow,wasm' },
    python: { type: 'string', default: process.platform === 'win32' ? 'python' : 'python3' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    batches: { type: 'string', default: '1,8' },
    prompt: { type: 'string', default: '16' },
    'new-tokens': { type: 'string', default: '32' },
    'no-generate': { type: 'boolean', default: false },
    output: { type: 'string' },
    worker: { type: 'string' },
  },
});
const batches = options['no-generate'] ? [] : options.batches.split(',').map(Number);
const [prompt, newTokens] = [Number(options.prompt), Number(options['new-tokens'])];

/** Kilobytes that Linux counts for this process. */
const memory = (key) =>
  Number(
    /(\d+) kB/.exec(
      readFileSync('/proc/self/status', 'utf8')
        .split('\n')
        .find((line) => line.startsWith(key)),
    )[1],
  );

/** In a process of its own: loads, runs a pass (weights may reach the engine only then), generates. */
async function work(engine) {
  const { loadModel, generate } = await import('../../packages/model/dist/index.js');
  const { tf, useEngine } = await import('../../packages/tensor/dist/index.js');
  tuneProcess();
  await useEngine({ engine });
  await generateOnce({
    model: (await import('../../packages/model/dist/index.js')).createModel({
      config: { model_type: 'gpt2', vocab_size: 50, n_positions: 32, n_embd: 8, n_layer: 1, n_head: 1 },
      seed: 1,
    }),
    batch: 1,
    count: 2,
    generate,
  });
  const before = memory('VmRSS');
  const processorSeconds = () =>
    Object.values(process.cpuUsage()).reduce((sum, microseconds) => sum + microseconds / 1e6, 0);
  const processorBegan = processorSeconds();
  const began = performance.now();
  let model;
  try {
    model = await loadModel({ folder: positionals[0], trainable: false });
  } catch (error) {
    return { refused: error.message, secondsToRefuse: (performance.now() - began) / 1000 };
  }
  const loaded = performance.now();
  tf.tidy(() => {
    model.logits(model.forward({ embeddings: model.embed(tf.tensor2d([[1, 2]], [1, 2], 'int32')) }).hidden).dataSync();
  });
  const ready = performance.now();
  const weights = model.parameters.byteLength;
  const result = {
    loadSeconds: (loaded - began) / 1000,
    readySeconds: (ready - began) / 1000,
    readyProcessorSeconds: processorSeconds() - processorBegan,
    peakBytes: (memory('VmHWM') - before) * 1024,
    weightBytes: weights,
    tokensPerSecond: {},
    tokensPerProcessorSecond: {},
  };
  for (const batch of batches) {
    await generateOnce({ model, batch, count: 4, generate });
    const [start, processorStart] = [performance.now(), processorSeconds()];
    await generateOnce({ model, batch, count: newTokens, generate });
    result.tokensPerProcessorSecond[batch] = (batch * newTokens) / (processorSeconds() - processorStart);
    result.tokensPerSecond[batch] = (batch * newTokens * 1000) / (performance.now() - start);
  }
  return result;
}

async function generateOnce({ model, batch, count, generate }) {
  const inputs = Array.from({ length: batch }, (_, row) =>
    Array.from({ length: prompt }, (_unused, index) => (7 * row + 3 * index + 5) % model.dimensions.vocabularySize),
  );
  await generate({ model, inputs, maxNewTokens: count });
}

const last = (text) => JSON.parse(text.trim().split('\n').at(-1));
const common = ['--batches', batches.join(','), '--prompt', String(prompt), '--new-tokens', String(newTokens)];
const ours = (folder, engine) =>
  last(
    execFileSync(
      process.execPath,
      [
        fileURLToPath(import.meta.url),
        folder,
        '--worker',
        engine,
        ...(batches.length === 0 ? ['--no-generate'] : common),
      ],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, TF_NUM_INTRAOP_THREADS: options.threads, TF_NUM_INTEROP_THREADS: options.threads },
      },
    ),
  );
const theirs = (folder) =>
  last(
    execFileSync(
      options.python,
      [
        fileURLToPath(new URL('checkpoints_transformers.py', import.meta.url)),
        folder,
        '--threads',
        options.threads,
        ...common,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    ),
  );

function median(values) {
  const sorted = values.filter((value) => value !== undefined).sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

if (options.worker !== undefined) {
  console.log(JSON.stringify(await work(options.worker)));
} else {
  const engines = options.engines.split(',');
  const record = {
    command: `node tooling/bench/checkpoints.mjs ${process.argv
      .slice(2)
      .map((word) => (positionals.includes(word) || word === options.output ? basename(word) : word))
      .join(' ')}`.replace(/--python \S+/, '--python python3'),
    node: process.version,
    processor: cpus()[0]?.model,
    cores: cpus().length,
    load: [loadavg()[0]],
    models: {},
  };
  for (const folder of positionals) {
    const rounds = [];
    for (let round = 0; round < Number(options.rounds); round++) {
      rounds.push({
        ...Object.fromEntries(engines.map((engine) => [engine, ours(folder, engine)])),
        transformers: theirs(folder),
      });
      record.load.push(loadavg()[0]);
    }
    record.models[basename(folder)] = rounds;
    const rows = [
      ['load, seconds', (run) => run.loadSeconds, 2, true],
      ['load and first pass, seconds', (run) => run.readySeconds, 2, true],
      ['load and first pass, processor seconds', (run) => run.readyProcessorSeconds, 2, true],
      ['peak memory / float32 weights', (run) => run.peakBytes && run.peakBytes / run.weightBytes, 2, true],
      ...batches.flatMap((batch) => [
        [`greedy tokens/s, batch ${batch}`, (run) => run.tokensPerSecond?.[batch], 1, false],
        [
          `greedy tokens per processor second, batch ${batch}`,
          (run) => run.tokensPerProcessorSecond?.[batch],
          1,
          false,
        ],
      ]),
    ];
    console.log(
      `\n${basename(folder)}\n\n| what | ${engines.map((engine) => `${engine} | ratio`).join(' | ')} | transformers |\n|---|${engines.map(() => '---|---|').join('')}---|`,
    );
    for (const [title, value, digits, smallerIsBetter] of rows) {
      const cells = engines.map((engine) => {
        if (rounds[0][engine].refused) return 'refused | ';
        const ratio = median(
          rounds.map((round) =>
            smallerIsBetter
              ? value(round.transformers) / value(round[engine])
              : value(round[engine]) / value(round.transformers),
          ),
        );
        return `${median(rounds.map((round) => value(round[engine]))).toFixed(digits)} | ${ratio.toFixed(2)}`;
      });
      console.log(
        `| ${title} | ${cells.join(' | ')} | ${median(rounds.map((round) => value(round.transformers))).toFixed(digits)} |`,
      );
    }
    for (const engine of engines)
      if (rounds[0][engine].refused)
        console.log(
          `\n${engine}, after ${rounds[0][engine].secondsToRefuse.toFixed(2)} s: ${rounds[0][engine].refused.split('\n')[0]}`,
        );
  }
  console.log(`\nload averages over the run: ${record.load.map((load) => load.toFixed(1)).join(', ')}`);
  if (options.output) writeFileSync(options.output, `${JSON.stringify(record, null, 2)}\n`);
}
