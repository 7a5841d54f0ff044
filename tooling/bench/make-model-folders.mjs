// Makes model folders of the sizes that people use, with random weights:
//   node tooling/bench/make-model-folders.mjs FOLDER [gpt2-124m] [llama-1.1b] [--dtype F32|BF16]
// GPT-2 is written in float32 as it is published, the Llama in bfloat16, unless --dtype says otherwise.
// Needs a build: npm run bootstrap.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { fromFloat32, writeSafetensorsStream } from '../../packages/safetensors/dist/index.js';

const { values: options, positionals } = parseArgs({ allowPositionals: true, options: { dtype: { type: 'string' } } });
const [folder, ...asked] = positionals;
if (folder === undefined) throw new Error('Give the folder in which the model folders are made.');

const gpt2 = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  vocab_size: 50257,
  n_positions: 1024,
  n_embd: 768,
  n_layer: 12,
  n_head: 12,
  activation_function: 'gelu_new',
  bos_token_id: 50256,
  eos_token_id: 50256,
};
const llama = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 32000,
  hidden_size: 2048,
  intermediate_size: 5632,
  num_hidden_layers: 22,
  num_attention_heads: 32,
  num_key_value_heads: 4,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  tie_word_embeddings: false,
  bos_token_id: 1,
  eos_token_id: 2,
};

function gpt2Shapes() {
  const width = gpt2.n_embd;
  const shapes = {
    'transformer.wte.weight': [gpt2.vocab_size, width],
    'transformer.wpe.weight': [gpt2.n_positions, width],
  };
  const linear = (name, from, to) => Object.assign(shapes, { [`${name}.weight`]: [from, to], [`${name}.bias`]: [to] });
  const norm = (name) => Object.assign(shapes, { [`${name}.weight`]: [width], [`${name}.bias`]: [width] });
  for (let layer = 0; layer < gpt2.n_layer; layer++) {
    const block = `transformer.h.${layer}`;
    norm(`${block}.ln_1`);
    linear(`${block}.attn.c_attn`, width, 3 * width);
    linear(`${block}.attn.c_proj`, width, width);
    norm(`${block}.ln_2`);
    linear(`${block}.mlp.c_fc`, width, 4 * width);
    linear(`${block}.mlp.c_proj`, 4 * width, width);
  }
  norm('transformer.ln_f');
  return shapes;
}

function llamaShapes() {
  const { hidden_size: width, intermediate_size: inner } = llama;
  const keys = (width / llama.num_attention_heads) * llama.num_key_value_heads;
  const shapes = { 'model.embed_tokens.weight': [llama.vocab_size, width] };
  for (let layer = 0; layer < llama.num_hidden_layers; layer++) {
    const block = `model.layers.${layer}`;
    Object.assign(shapes, {
      [`${block}.input_layernorm.weight`]: [width],
      [`${block}.self_attn.q_proj.weight`]: [width, width],
      [`${block}.self_attn.k_proj.weight`]: [keys, width],
      [`${block}.self_attn.v_proj.weight`]: [keys, width],
      [`${block}.self_attn.o_proj.weight`]: [width, width],
      [`${block}.post_attention_layernorm.weight`]: [width],
      [`${block}.mlp.gate_proj.weight`]: [inner, width],
      [`${block}.mlp.up_proj.weight`]: [inner, width],
      [`${block}.mlp.down_proj.weight`]: [width, inner],
    });
  }
  return Object.assign(shapes, { 'model.norm.weight': [width], 'lm_head.weight': [llama.vocab_size, width] });
}

/** Random numbers of deviation 0.02 (norms: near 1): a block of 2²⁰ draws, begun at another place for each tensor. */
const block = Float32Array.from(
  { length: 2 ** 20 },
  () => 0.02 * Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()),
);

function* parts(shapes, dtype) {
  for (const [name, shape] of Object.entries(shapes)) {
    const length = shape.reduce((product, size) => product * size, 1);
    const values = new Float32Array(length);
    let source = Math.floor(Math.random() * block.length);
    for (let at = 0; at < length; source = 0) {
      const piece = block.subarray(source, source + Math.min(block.length - source, length - at));
      values.set(piece, at);
      at += piece.length;
    }
    if (shape.length === 1 && name.endsWith('weight')) for (let index = 0; index < length; index++) values[index] += 1;
    yield { name, data: fromFloat32({ dtype, data: values }) };
  }
}

const models = {
  'gpt2-124m': { config: gpt2, shapes: gpt2Shapes(), dtype: 'F32' },
  'llama-1.1b': { config: llama, shapes: llamaShapes(), dtype: 'BF16' },
};
for (const name of asked.length > 0 ? asked : Object.keys(models)) {
  const model = models[name];
  if (model === undefined) throw new Error(`There is no model ${name}; there are: ${Object.keys(models).join(', ')}.`);
  const { config, shapes } = model;
  const dtype = options.dtype ?? model.dtype;
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(
    join(path, 'config.json'),
    `${JSON.stringify({ ...config, torch_dtype: dtype === 'F32' ? 'float32' : 'bfloat16' }, null, 2)}\n`,
  );
  await writeSafetensorsStream({
    path: join(path, 'model.safetensors'),
    tensors: Object.fromEntries(Object.entries(shapes).map(([tensor, shape]) => [tensor, { dtype, shape }])),
    parts: parts(shapes, dtype),
    metadata: { format: 'pt' },
  });
  const numbers = Object.values(shapes).reduce(
    (sum, shape) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  console.log(`${path}: ${(numbers / 1e6).toFixed(1)} million parameters, ${dtype}`);
}
