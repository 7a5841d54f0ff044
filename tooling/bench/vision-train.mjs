// Whole training steps of the vision model of `npm start` (vision-shape.json: CLIP, projector, Llama) on random pictures and
// texts: 4 picture tokens, 12 of a question, 100 of a chain of thought that are predicted. Prints one JSON object.
//   node tooling/bench/vision-train.mjs --engine wasm --workers 2 [--steps 10] [--warmup 3] [--batch 32]
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { useEngine } from '@subtext/tensor';
import { createProgram, defaultWorkers, programSource, train } from '@subtext/trainer';
import { tuneProcess } from '../../packages/core/dist/node.js';

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', default: 'wasm' },
    workers: { type: 'string' },
    steps: { type: 'string', default: '10' },
    warmup: { type: 'string', default: '3' },
    batch: { type: 'string', default: '32' },
  },
});
const [steps, warmup, batch] = [options.steps, options.warmup, options.batch].map(Number);
const config = JSON.parse(await readFile(new URL('vision-shape.json', import.meta.url), 'utf8'));
tuneProcess();
const { device } = await useEngine({ engine: options.engine });
const workers = options.workers === undefined ? defaultWorkers({ shards: 2, processors: 2 }) : Number(options.workers);
const shards = Math.max(1, workers);
const [pictureTokens, question, chain] = [4, 12, 100];
const time = pictureTokens + question + chain;
const side = config.vision_config.image_size;
const vocabulary = config.text_config.vocab_size;

function shard(index) {
  const rows = Math.floor((batch * (index + 1)) / shards) - Math.floor((batch * index) / shards);
  const random = () => 3 + Math.floor(Math.random() * (vocabulary - 3));
  const ids = Int32Array.from({ length: rows * time }, (_, position) =>
    position % time < pictureTokens ? config.image_token_index : random(),
  );
  const places = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: chain }, (_, step) => row * time + pictureTokens + question - 1 + step),
  ).flat();
  const images = {
    pixelValues: {
      data: Float32Array.from({ length: rows * 3 * side * side }, Math.random),
      shape: [rows, 3, side, side],
    },
  };
  return {
    rows,
    time,
    ids,
    lossRows: Int32Array.from(places),
    lossLabels: Int32Array.from(places, (place) => ids[place + 1]),
    lossWeight: 1 / (batch * chain),
    images,
  };
}

const source = programSource({ model: { kind: 'new', config, seed: 1 } });
const program = await createProgram(source);
const folder = await mkdtemp(join(tmpdir(), 'subtext-bench-'));
const times = [];
const processorTimes = [];
let last = 0;
let lastProcessor = 0;
const processorMilliseconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
let loss = NaN;
try {
  await train({
    folder,
    source,
    program,
    phases: [
      {
        name: 'bench',
        steps: steps + warmup,
        schedule: { learningRate: 1e-4, shape: 'constant' },
        source: { batch: () => Array.from({ length: shards }, (_, index) => ({ inputs: shard(index), parts: {} })) },
      },
    ],
    fingerprint: 'bench',
    workers,
    shards,
    checkpointSeconds: 1e9,
    logSteps: 1e9,
    onProgress: (progress) => {
      const [now, processor] = [performance.now(), processorMilliseconds()];
      if (progress.step > warmup && progress.step > 1) {
        times.push(now - last);
        processorTimes.push(processor - lastProcessor);
      }
      last = now;
      lastProcessor = processor;
      loss = progress.loss;
    },
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const milliseconds = median(times);
console.log(
  JSON.stringify({
    device: device.name,
    workers,
    millisecondsPerStep: milliseconds,
    processorMillisecondsPerStep: median(processorTimes),
    tokensPerSecond: (batch * time * 1000) / milliseconds,
    loss,
  }),
);
process.exit(0);
