/**
 * llama.cpp's part of large.mjs, by node-llama-cpp (found where NODE_PATH points, or in --packages FOLDER/node_modules):
 *
 *     node tooling/bench/large-llamacpp.mjs --model FILE.gguf [--tokens 32] [--threads 2] [--packages FOLDER]
 *
 * Prints one JSON object.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    tokens: { type: 'string', default: '32' },
    prompt: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    packages: { type: 'string' },
  },
});
const [tokens, prompt, rounds, threads] = ['tokens', 'prompt', 'rounds', 'threads'].map((name) => Number(values[name]));
const place = values.packages ? resolve(values.packages, 'package.json') : import.meta.url;
const { getLlama } = await import(pathToFileURL(createRequire(place).resolve('node-llama-cpp')).href);

const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' });
const began = performance.now();
const model = await llama.loadModel({ modelPath: resolve(values.model) });
const loadSeconds = (performance.now() - began) / 1000;
const context = await model.createContext({ contextSize: 512, threads: { ideal: threads, min: threads } });
const sequence = context.getSequence();
const seconds = [];
for (let round = 0; round <= rounds; round++) {
  await sequence.clearHistory();
  const ids = Array.from({ length: prompt }, (_, at) => 259 + ((at * 31) % 60));
  let start = 0;
  let count = 0;
  for await (const token of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    void token;
    // The first token comes of the prompt's pass.
    if (count === 0) start = performance.now();
    if (count++ === tokens) break;
  }
  if (round > 0) seconds.push((performance.now() - start) / 1000);
}
const median = [...seconds].sort((a, b) => a - b)[seconds.length >> 1];
console.log(
  JSON.stringify({
    model: values.model,
    loadSeconds,
    tokensPerSecond: tokens / median,
    peakBytes: process.memoryUsage().rss,
  }),
);
process.exit(0);
