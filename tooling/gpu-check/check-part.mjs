/**
 * One part of gpu-check.mjs, in a process of its own; prints a line of JSON for each thing that it checked or measured:
 *
 *     node tooling/gpu-check/check-part.mjs device|operations|golden|train|generate ENGINE SECONDS real|software
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generate, createModel, isMultimodal, loadModel, nextTokenLoss } from '../../packages/model/dist/index.js';
import { openSafetensors } from '../../packages/safetensors/dist/index.js';
import {
  AdamW,
  describeEngines,
  selfTest,
  tf,
  useEngine,
  valueAndGradients,
} from '../../packages/tensor/dist/index.js';

const [part, engine, seconds, kind] = process.argv.slice(2);
const end = performance.now() + 1000 * Number(seconds);
const software = kind === 'software';
const say = (line) => console.log(JSON.stringify(line));
const fixtures = fileURLToPath(new URL('../../packages/model/fixtures/', import.meta.url));

/** Differences that a GPU's float32 may come to, over those of a processor: sums of another order. */
const tolerance = 1e-3;

async function device() {
  const found = (await describeEngines()).find(({ name }) => name === engine);
  if (found === undefined) return say({ reason: `there is no engine ${engine}` });
  say(found.loads ? { device: found.device } : { reason: found.problem?.split('\n')[0] ?? 'it does not load' });
}

async function operations() {
  await selfTest({
    engine,
    onCase: ({ result: { name, faults } }) => {
      say({ name, faults });
      if (performance.now() > end) throw new Error('the time was up');
    },
  });
}

/** Every family of models against what transformers gave: hidden states after the last layer, and logits where all are recorded. */
async function golden() {
  await useEngine({ engine });
  const folders = ['golden', 'families'].flatMap((group) =>
    readdirSync(`${fixtures}${group}`).map((name) => `${group}/${name}`),
  );
  for (const name of folders) {
    if (performance.now() > end) throw new Error('the time was up');
    const faults = [];
    let largest = null;
    try {
      largest = await goldenCase(`${fixtures}${name}`, name.startsWith('families/'));
      if (!(largest < tolerance)) faults.push(`a hidden state differs by ${largest}`);
    } catch (error) {
      faults.push(error instanceof Error ? error.message.split('\n')[0] : String(error));
    }
    say({ name, faults, largest });
  }
}

/** @param masked whether a text model's recorded mask is that of its recorded input */
async function goldenCase(folder, masked) {
  const file = await openSafetensors({ path: `${folder}/golden.safetensors` });
  const held = new Map();
  for (const name of file.names) {
    const { shape, dtype, data } = await file.read(name);
    held.set(name, { shape: [...shape], values: dtype === 'I64' ? Float32Array.from(data, Number) : data });
  }
  await file.close();
  const integers = (name) => {
    const found = held.get(name);
    return found && { data: Int32Array.from(found.values), shape: found.shape };
  };
  const tensor = (name) => held.has(name) && tf.tensor2d(integers(name).data, integers(name).shape, 'int32');
  const model = await loadModel({ folder, trainable: false });
  if (!masked && !isMultimodal(model)) held.delete('attention_mask');
  const { width, layers } = model.dimensions;
  const ids = integers('input_ids');
  const rows = Array.from({ length: ids.shape[0] }, (_, row) => [
    ...ids.data.subarray(row * ids.shape[1], (row + 1) * ids.shape[1]),
  ]);
  const states = tf.tidy(() => {
    const mask = tensor('attention_mask') || null;
    if (!isMultimodal(model)) return model.forward({ embeddings: model.embed(tensor('input_ids')), mask }).hidden;
    const pixels = held.get('pixel_values');
    const { embeddings, forwardExtras } = model.embedInputs({
      ids: rows,
      images: {
        pixelValues: { data: pixels.values, shape: pixels.shape },
        pixelAttentionMask: integers('pixel_attention_mask'),
        aspectRatioIds: integers('aspect_ratio_ids'),
        aspectRatioMask: integers('aspect_ratio_mask'),
      },
      crossAttentionMask: integers('cross_attention_mask'),
    });
    return model.forward({ embeddings, ...forwardExtras, mask }).hidden;
  });
  const values = await states.data();
  const expected = (held.get(`hidden_states.${layers}`) ?? held.get('last_hidden_state'))?.values;
  const seen = held.get('attention_mask')?.values;
  states.dispose();
  model.dispose();
  if (expected === undefined) throw new Error('its last hidden states are not recorded');
  let largest = 0;
  for (const [index, value] of values.entries()) {
    if (seen && seen[Math.floor(index / width)] !== 1) continue;
    const difference = Math.abs(value - expected[index]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

const config = (width, layers, positions) => ({
  ...{ model_type: 'gpt2', vocab_size: software ? 256 : 1024, n_embd: width, n_layer: layers },
  ...{ n_head: Math.max(1, width / 64), n_positions: positions },
});
const shapes = software
  ? [[64, 1]]
  : [
      [128, 4],
      [256, 4],
      [512, 4],
      [768, 12],
    ];
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const textsOf = (batch, tokens, vocabulary) =>
  Array.from({ length: batch }, (_, row) =>
    Array.from({ length: tokens }, (_, at) => (at * 31 + row * 17) % vocabulary),
  );

async function train() {
  await useEngine({ engine });
  const [batch, tokens, steps] = software ? [2, 16, 2] : [16, 128, 10];
  for (const [width, layers] of shapes) {
    if (performance.now() > end) throw new Error('the time was up');
    const model = createModel({ config: config(width, layers, tokens), seed: 1 });
    const optimizer = new AdamW({ parameters: model.parameters, learningRate: 1e-3 });
    const ids = textsOf(batch, tokens, model.dimensions.vocabularySize);
    const [times, losses] = [[], []];
    for (let step = 0; step < steps + 2; step++) {
      const began = performance.now();
      const { value, gradients } = valueAndGradients({
        parameters: model.parameters,
        compute: () => {
          const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
          const { sum, count } = nextTokenLoss({ model, hidden, labels: ids });
          return tf.div(sum, count);
        },
      });
      optimizer.step({ gradients });
      losses.push((await value.data())[0]);
      tf.dispose([value, ...Object.values(gradients)]);
      if (step >= 2) times.push((performance.now() - began) / 1000);
      if (performance.now() > end) break;
    }
    optimizer.dispose();
    model.dispose();
    const faults = losses.at(-1) < losses[0] ? [] : [`the loss went from ${losses[0]} to ${losses.at(-1)}`];
    const name = `training, width ${width} × ${layers} layers, batch ${batch} × ${tokens}`;
    say({
      ...{ name, faults, firstLoss: losses[0], lastLoss: losses.at(-1) },
      ...(times.length > 0 && { tokensPerSecond: (batch * tokens) / median(times) }),
    });
  }
}

async function generation() {
  await useEngine({ engine });
  const [prompt, tokens] = software ? [4, 4] : [32, 64];
  for (const [width, layers] of shapes) {
    const model = createModel({ config: config(width, layers, prompt + tokens), seed: 1 });
    for (const batch of software ? [1] : [1, 32]) {
      if (performance.now() > end) throw new Error('the time was up');
      const inputs = textsOf(batch, prompt, model.dimensions.vocabularySize);
      const times = [];
      for (let round = 0; round < 4 && performance.now() < end; round++) {
        const began = performance.now();
        await generate({ model, inputs, maxNewTokens: tokens, stopIds: [] });
        if (round > 0) times.push((performance.now() - began) / 1000);
      }
      const name = `generation of ${tokens} tokens, width ${width} × ${layers} layers, batch ${batch}`;
      say({ name, ...(times.length > 0 && { tokensPerSecond: (batch * tokens) / median(times) }) });
    }
    model.dispose();
  }
}

await { device, operations, golden, train, generate: generation }[part]();
// Some drivers keep the process alive.
process.exit(0);
