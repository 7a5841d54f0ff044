// Writes model folders and adapters as @subtext/model saves them, each with the logits that @subtext/model gives:
//   node tooling/parity/save_models.mjs FOLDER
// Run by check_saved_models.py, after `npx turbo run build --filter=@subtext/model`.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { writeSafetensors } from '../../packages/safetensors/dist/index.js';
import { AdamW, tf, useEngine, valueAndGradients } from '../../packages/tensor/dist/index.js';
import { addLora, mergeLora, saveAdapter } from '../../packages/nn/dist/index.js';
import {
  createModel,
  generate,
  loadModel,
  nextTokenLoss,
  resizeEmbeddings,
  saveModel,
} from '../../packages/model/dist/index.js';
import { tuneProcess } from '../../packages/core/dist/node.js';

const fixtures = new URL('../../packages/model/fixtures/', import.meta.url).pathname;
const output = process.argv[2];
if (output === undefined) throw new Error('Give the folder to write to.');
tuneProcess();
await useEngine({ engine: 'wasm' });

const prompt = [3, 4, 5, 6, 7, 8, 9, 10];

/** Saves the logits and greedy ids that the model gives for the prompt. */
async function record(model, path) {
  const logits = tf.tidy(() =>
    model
      .logits(model.forward({ embeddings: model.embed(tf.tensor2d([prompt], undefined, 'int32')) }).hidden)
      .dataSync()
      .slice(),
  );
  const { ids } = await generate({ model, inputs: [prompt], maxNewTokens: 6 });
  await writeSafetensors({
    path,
    tensors: {
      input_ids: { dtype: 'I32', shape: [1, prompt.length], data: Int32Array.from(prompt) },
      logits: { dtype: 'F32', shape: [1, prompt.length, logits.length / prompt.length], data: logits },
      greedy: {
        dtype: 'I32',
        shape: [1, prompt.length + ids[0].length],
        data: Int32Array.from([...prompt, ...ids[0]]),
      },
    },
  });
}

/** A few steps, so that what is saved is not what was drawn. */
function train(model, steps = 3) {
  const optimizer = new AdamW({ parameters: model.parameters, learningRate: 0.01 });
  for (let step = 0; step < steps; step++) {
    const { value, gradients } = valueAndGradients({
      parameters: model.parameters,
      compute: () =>
        nextTokenLoss({
          model,
          hidden: model.forward({ embeddings: model.embed(tf.tensor2d([prompt], undefined, 'int32')) }).hidden,
          labels: [prompt],
        }).sum,
    });
    optimizer.step({ gradients });
    tf.dispose([value, gradients]);
  }
  optimizer.dispose();
}

const created = {
  gpt2: {
    model_type: 'gpt2',
    vocab_size: 40,
    n_positions: 32,
    n_embd: 24,
    n_layer: 2,
    n_head: 2,
    bos_token_id: 0,
    eos_token_id: 0,
  },
  llama: {
    model_type: 'llama',
    vocab_size: 40,
    hidden_size: 24,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 32,
  },
  'llama-scaled-tied': {
    model_type: 'llama',
    vocab_size: 40,
    hidden_size: 24,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 1,
    head_dim: 10,
    attention_bias: true,
    tie_word_embeddings: true,
    max_position_embeddings: 64,
    rope_theta: 500000,
    rope_scaling: {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 16,
    },
  },
  qwen2: {
    model_type: 'qwen2',
    vocab_size: 40,
    hidden_size: 24,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 32,
  },
};
const small = {
  vocab_size: 40,
  hidden_size: 24,
  intermediate_size: 32,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  bos_token_id: 0,
  eos_token_id: 0,
  pad_token_id: 0,
};
const half = { short_factor: [1, 2], long_factor: [3, 4] };
for (const config of [
  { model_type: 'mistral', sliding_window: 5 },
  {
    model_type: 'ministral',
    head_dim: 6,
    sliding_window: 5,
    layer_types: ['sliding_attention', 'full_attention', 'full_attention'],
  },
  { model_type: 'qwen3', head_dim: 10, use_sliding_window: true, sliding_window: 4, max_window_layers: 1 },
  { model_type: 'smollm3', no_rope_layer_interval: 2 },
  { model_type: 'gemma2', head_dim: 8, sliding_window: 5, query_pre_attn_scalar: 20, final_logit_softcapping: 30 },
  { model_type: 'gemma3_text', head_dim: 8, sliding_window: 5, sliding_window_pattern: 2, rope_local_base_freq: 500 },
  {
    model_type: 'phi3',
    hidden_size: 32,
    original_max_position_embeddings: 16,
    partial_rotary_factor: 0.5,
    rope_scaling: { type: 'longrope', ...half },
    tie_word_embeddings: true,
  },
  { model_type: 'olmo2' },
])
  created[config.model_type] = { ...small, ...config };
for (const [name, config] of Object.entries(created)) {
  const model = createModel({ config: { initializer_range: 0.2, ...config }, seed: 1 });
  train(model);
  resizeEmbeddings({ model, vocabularySize: 43 });
  const folder = join(output, 'models', name);
  await saveModel({ model, folder, maximumShardBytes: name === 'llama' ? 6000 : undefined });
  await record(model, join(folder, 'golden.safetensors'));
  model.dispose();
}

const adapted = {
  'llama-names': { base: 'variants/llama-mqa-biases-linear', targets: ['q_proj', 'v_proj', 'gate_proj', 'lm_head'] },
  'llama-all': { base: 'golden/llama', targets: 'all-linear', rankStabilised: true },
  'gpt2-expression': { base: 'golden/gpt2', targets: /transformer\.h\.\d\.(attn|mlp)\.c_proj/ },
  'phi3-default': { base: 'families/phi3-partial' },
  'gemma2-default': { base: 'families/gemma2' },
  'olmo2-all': { base: 'families/olmo2', targets: 'all-linear' },
  'gpt2-names': { base: 'variants/gpt2-relu', targets: ['c_attn', 'c_fc'] },
};
for (const [name, { base, ...settings }] of Object.entries(adapted)) {
  const model = await loadModel({ folder: join(fixtures, base) });
  addLora({ model, rank: 3, alpha: 6, ...settings });
  train(model, 5);
  const folder = join(output, 'adapters', name);
  await mkdir(folder, { recursive: true });
  await saveAdapter({ model, folder, baseModel: join(fixtures, base) });
  await record(model, join(folder, 'golden.safetensors'));
  mergeLora({ model });
  const merged = join(output, 'models', `merged-${name}`);
  await saveModel({ model, folder: merged });
  await record(model, join(merged, 'golden.safetensors'));
  model.dispose();
}
