/**
 * Subtext's part of large.mjs, one measurement a process; prints one JSON object.
 *
 *     node tooling/bench/large-ours.mjs generate --model FOLDER [--dtype bf16] [--batch 1] [--tokens 32] [--rounds 2]
 *     node tooling/bench/large-ours.mjs lora --model FOLDER [--dtype bf16] [--batch 1] [--tokens 256] [--steps 2] [--recompute]
 *     node tooling/bench/large-ours.mjs load --model FOLDER [--dtype float32]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { memorySpeed } from '../../packages/engine-native/dist/index.js';
import { generate, loadModel, nextTokenLoss } from '@subtext/model';
import { addLora } from '../../packages/nn/dist/index.js';
import { AdamW, tf, useEngine, valueAndGradients } from '@subtext/tensor';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string' },
    dtype: { type: 'string', default: 'float32' },
    batch: { type: 'string', default: '1' },
    tokens: { type: 'string', default: '32' },
    prompt: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '2' },
    steps: { type: 'string', default: '2' },
    rank: { type: 'string', default: '16' },
    recompute: { type: 'boolean', default: false },
  },
});
const [batch, tokens, prompt, rounds, steps, rank] = ['batch', 'tokens', 'prompt', 'rounds', 'steps', 'rank'].map(
  (name) => Number(values[name]),
);

/** The most that this process has held; of Linux alone, else what it holds now. */
function peak() {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  } catch {
    return process.memoryUsage().rss;
  }
}
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const processorSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const { device } = await useEngine({ engine: 'native' });
const began = performance.now();
const model = await loadModel({ folder: values.model, dtype: values.dtype, trainable: false });
const loadSeconds = (performance.now() - began) / 1000;
const vocabulary = model.dimensions.vocabularySize;
const texts = (count, length) =>
  Array.from({ length: count }, (_, row) =>
    Array.from({ length }, (_, at) => 3 + ((at * 31 + row * 17) % (vocabulary - 3))),
  );

const kinds = {
  load: async () => ({}),
  async generate() {
    const inputs = texts(batch, prompt);
    const run = (maxNewTokens) => generate({ model, inputs, maxNewTokens, stopIds: [] });
    await run(4);
    const seconds = [];
    for (let round = 0; round < rounds; round++) {
      // The prompt's pass, and tokens after it: the difference is tokens alone.
      const times = [];
      for (const count of [1, tokens + 1]) {
        const start = performance.now();
        await run(count);
        times.push((performance.now() - start) / 1000);
      }
      seconds.push(times[1] - times[0]);
    }
    // What a token reads: every weight but the table of tokens, of which it takes a row.
    const { tokenEmbedding, head } = model;
    const table = head.tied
      ? 0
      : tokenEmbedding.count * tokenEmbedding.width * { float32: 4, bf16: 2, f16: 2, int8: 1, int4: 1 }[values.dtype];
    const bytesOfAToken = model.parameters.byteLength - table;
    const tokensPerSecond = (batch * tokens) / median(seconds);
    const bytesPerSecond = (bytesOfAToken * tokens) / median(seconds);
    const peakBytes = peak();
    const speed = memorySpeed();
    return {
      peakBytes,
      tokensPerSecond,
      bytesOfAToken,
      bytesPerSecond,
      memorySpeed: speed,
      share: bytesPerSecond / speed,
    };
  },
  async lora() {
    addLora({ model, rank, alpha: 2 * rank, targets: ['q_proj', 'v_proj'] });
    model.structure.recomputesBlocks = values.recompute;
    const optimizer = new AdamW({ parameters: model.parameters, learningRate: 1e-4 });
    const ids = texts(batch, tokens);
    const seconds = [];
    const processor = [];
    let loss = 0;
    for (let step = 0; step <= steps; step++) {
      const [start, used] = [performance.now(), processorSeconds()];
      const { value, gradients } = valueAndGradients({
        parameters: model.parameters,
        compute: () => {
          const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
          const { sum, count } = nextTokenLoss({ model, hidden, labels: ids });
          return tf.div(sum, count);
        },
      });
      optimizer.step({ gradients });
      loss = value.dataSync()[0];
      tf.dispose([value, ...Object.values(gradients)]);
      if (step === 0) continue;
      seconds.push((performance.now() - start) / 1000);
      processor.push(processorSeconds() - used);
    }
    return { tokensPerSecond: (batch * tokens) / median(seconds), processorSecondsOfAStep: median(processor), loss };
  },
};
const [kind] = positionals;
if (!(kind in kinds)) throw new Error(`there is no measurement ${kind}; there are ${Object.keys(kinds).join(', ')}`);
const found = await kinds[kind]();
console.log(JSON.stringify({ device: device.name, dtype: values.dtype, loadSeconds, peakBytes: peak(), ...found }));
