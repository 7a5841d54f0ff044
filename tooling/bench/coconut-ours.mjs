// Our side of coconut.mjs, in a process of its own: whole training steps as `subtext train` makes them, or answers as a
// Reasoner gives them. Prints one JSON object.
//   node tooling/bench/coconut-ours.mjs train|generate FOLDER --engine wasm [--workers 2] [--steps 5] [--warmup 2] [--batch 1]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { useEngine } from '@subtext/tensor';
import { collateLayouts, lossWeight, splitIntoShards, Reasoner } from '@subtext/reasoner';
import { createProgram, defaultWorkers, programSource, train } from '@subtext/trainer';

import { readCase } from './coconut-case.mjs';
import { tuneProcess } from '../../packages/core/dist/node.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: 'string', default: 'wasm' },
    workers: { type: 'string' },
    steps: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '2' },
    batch: { type: 'string', default: '1' },
    tokens: { type: 'string', default: '16' },
  },
});
const [what, folder] = positionals;
const [steps, warmup] = [Number(options.steps), Number(options.warmup)];
tuneProcess();
const { device } = await useEngine({ engine: options.engine });
const { layouts, padId, questions } = await readCase(folder);
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const processorMilliseconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;

async function training() {
  const workers =
    options.workers === undefined || ['tensorflow', 'webgpu'].includes(options.engine)
      ? defaultWorkers({ shards: 2, processors: 2 })
      : Number(options.workers);
  const source = programSource({ model: { kind: 'folder', folder } });
  const program = await createProgram(source);
  const shardsOf = (step) => {
    const batch = layouts[step % layouts.length];
    const weight = lossWeight(batch);
    return splitIntoShards({ items: batch, shards: Math.max(1, workers) }).map((rows) => ({
      inputs: collateLayouts({ layouts: rows, padId, lossWeight: weight }),
      parts: {},
    }));
  };
  const first = shardsOf(0).map(({ inputs }) => inputs);
  const run = await mkdtemp(join(tmpdir(), 'subtext-bench-'));
  const [times, processorTimes, losses] = [[], [], []];
  let [last, lastProcessor] = [0, 0];
  try {
    await train({
      folder: run,
      source,
      program,
      phases: [
        {
          name: 'bench',
          steps: steps + warmup,
          schedule: { learningRate: 1e-4, shape: 'constant' },
          source: { batch: shardsOf },
        },
      ],
      fingerprint: 'bench',
      workers,
      shards: first.length,
      // The reference does not clip.
      clipNorm: 1e9,
      // Nothing is saved while it is measured.
      checkpointSeconds: 1e9,
      logSteps: 1e9,
      onProgress: ({ step, loss }) => {
        const [now, processor] = [performance.now(), processorMilliseconds()];
        if (step > warmup && step > 1) {
          times.push(now - last);
          processorTimes.push(processor - lastProcessor);
        }
        [last, lastProcessor] = [now, processor];
        losses.push(loss);
      },
    });
  } finally {
    await rm(run, { recursive: true, force: true });
  }
  const rows = layouts[0].length;
  return {
    workers,
    milliseconds: median(times),
    processorMilliseconds: median(processorTimes),
    samplesPerSecond: (rows * 1000) / median(times),
    losses,
    columns: Math.max(...first.map(({ time }) => time)),
    positions: layouts[0].reduce((sum, { ids }) => sum + ids.length, 0),
    thoughts: first.reduce(
      (sum, { continuous }) => sum + continuous.counts.reduce((total, count) => total + count, 0),
      0,
    ),
    lossRows: first.reduce((sum, { lossRows }) => sum + lossRows.length, 0),
  };
}

async function generation() {
  const reasoner = await Reasoner.load({ folder });
  const batch = Number(options.batch);
  const asked = questions.slice(0, batch).map((question) => ({ question }));
  const [times, processorTimes] = [[], []];
  let answers;
  for (let round = 0; round < steps + warmup; round++) {
    const [began, processor] = [performance.now(), processorMilliseconds()];
    answers = await reasoner.think({ questions: asked, batchSize: batch, maxNewTokens: Number(options.tokens) });
    if (round < warmup) continue;
    times.push(performance.now() - began);
    processorTimes.push(processorMilliseconds() - processor);
  }
  return {
    batch,
    milliseconds: median(times),
    processorMilliseconds: median(processorTimes),
    millisecondsPerSample: median(times) / batch,
    ids: answers.map(({ ids }) => ids),
    passes: answers.map(({ passes }) => passes),
    thoughts: answers.reduce((sum, answer) => sum + answer.thoughts.length, 0),
  };
}

const result = await { train: training, generate: generation }[what]();
console.log(JSON.stringify({ device: device.name, engine: options.engine, ...result }));
process.exit(0);
