// Writes models for pictures and text as @subtext/model saves them, and an adapter, each with its inputs and the logits
// that @subtext/model gives:
//   node tooling/parity/save_vision_models.mjs FOLDER
// Run by check_saved_vision_models.py, after `npx turbo run build --filter=@subtext/model`.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { writeSafetensors } from '../../packages/safetensors/dist/index.js';
import { AdamW, tf, useEngine, valueAndGradients } from '../../packages/tensor/dist/index.js';
import { addLora, saveAdapter } from '../../packages/nn/dist/index.js';
import { createModel, nextTokenLoss, saveModel } from '../../packages/model/dist/index.js';
import { tuneProcess } from '../../packages/core/dist/node.js';

const output = process.argv[2];
if (output === undefined) throw new Error('Give the folder to write to.');
tuneProcess();
await useEngine({ engine: 'wasm' });

const vision = {
  hidden_size: 20,
  intermediate_size: 28,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  image_size: 16,
  patch_size: 8,
  initializer_range: 0.2,
};
const text = {
  model_type: 'llama',
  vocab_size: 60,
  hidden_size: 24,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  pad_token_id: 0,
  bos_token_id: 1,
  eos_token_id: 2,
  initializer_range: 0.2,
};
const noise = (...shape) => ({
  data: Float32Array.from(
    { length: shape.reduce((product, size) => product * size, 1) },
    (_, index) => Math.sin(index * 1.7) * 1.3,
  ),
  shape,
});
const whole = (data, ...shape) => ({ data: Int32Array.from(data), shape });

const cases = {
  'llava-clip': {
    config: {
      model_type: 'llava',
      image_token_index: 59,
      vision_config: { model_type: 'clip_vision_model', ...vision },
      text_config: text,
    },
    images: { pixelValues: noise(1, 3, 16, 16) },
    imageTokens: 4,
  },
  'llava-siglip-qwen2': {
    config: {
      model_type: 'llava',
      image_token_index: 59,
      vision_feature_layer: [0, -1],
      vision_feature_select_strategy: 'full',
      vision_config: { model_type: 'siglip_vision_model', ...vision },
      text_config: { ...text, model_type: 'qwen2', tie_word_embeddings: true },
    },
    images: { pixelValues: noise(1, 3, 16, 16) },
    imageTokens: 4,
  },
  idefics3: {
    config: {
      model_type: 'idefics3',
      image_token_id: 59,
      pad_token_id: 0,
      vision_config: { model_type: 'idefics3_vision', ...vision },
      text_config: text,
    },
    images: { pixelValues: noise(1, 2, 3, 16, 16) },
    imageTokens: 2,
  },
  smolvlm: {
    config: {
      model_type: 'smolvlm',
      image_token_id: 59,
      pad_token_id: 0,
      tie_word_embeddings: true,
      vision_config: { model_type: 'smolvlm_vision', ...vision },
      text_config: text,
    },
    images: { pixelValues: noise(1, 2, 3, 16, 16) },
    imageTokens: 2,
  },
  mllama: {
    config: {
      model_type: 'mllama',
      image_token_index: 60,
      vision_config: {
        model_type: 'mllama_vision_model',
        hidden_size: 20,
        intermediate_size: 28,
        num_hidden_layers: 2,
        num_global_layers: 1,
        attention_heads: 4,
        image_size: 16,
        patch_size: 8,
        max_num_tiles: 2,
        supported_aspect_ratios: [
          [1, 1],
          [1, 2],
          [2, 1],
        ],
        intermediate_layers_indices: [0],
        vision_output_dim: 40,
        initializer_range: 0.2,
      },
      text_config: { ...text, model_type: 'mllama_text_model', num_hidden_layers: 3, cross_attention_layers: [1] },
    },
    images: {
      pixelValues: noise(1, 1, 2, 3, 16, 16),
      aspectRatioIds: whole([2], 1, 1),
      aspectRatioMask: whole([1, 1], 1, 1, 2),
    },
    imageTokens: 1,
  },
};

const asNumbers = ({ data, shape }) => ({ dtype: data instanceof Int32Array ? 'I32' : 'F32', shape, data });

for (const [name, { config, images, imageTokens }] of Object.entries(cases)) {
  const model = createModel({ config, seed: 2 });
  const prompt = [3, 4, ...new Array(imageTokens).fill(model.imageTokenId), 7, 8, 9, 10];
  const forward = () => {
    const { embeddings, forwardExtras } = model.embedInputs({ ids: [prompt], images });
    return model.forward({ embeddings, ...forwardExtras }).hidden;
  };
  const train = (steps) => {
    const optimizer = new AdamW({ parameters: model.parameters, learningRate: 0.02 });
    for (let step = 0; step < steps; step++) {
      const labels = [prompt.map((id) => (id === model.imageTokenId ? -100 : id))];
      const { value, gradients } = valueAndGradients({
        parameters: model.parameters,
        compute: () => nextTokenLoss({ model, hidden: forward(), labels }).sum,
      });
      optimizer.step({ gradients });
      tf.dispose([value, gradients]);
    }
    optimizer.dispose();
  };
  const record = async (folder) => {
    const logits = tf.tidy(() => model.logits(forward()).dataSync().slice());
    const tensors = {
      input_ids: asNumbers(whole(prompt, 1, prompt.length)),
      pixel_values: asNumbers(images.pixelValues),
      logits: { dtype: 'F32', shape: [1, prompt.length, logits.length / prompt.length], data: logits },
    };
    if (images.aspectRatioIds) {
      const { mask } = tf.tidy(() => model.embedInputs({ ids: [prompt], images }).forwardExtras.crossAttention);
      Object.assign(tensors, {
        aspect_ratio_ids: asNumbers(images.aspectRatioIds),
        aspect_ratio_mask: asNumbers(images.aspectRatioMask),
        cross_attention_mask: asNumbers(mask),
      });
    }
    await writeSafetensors({ path: join(folder, 'golden.safetensors'), tensors });
  };
  train(3);
  const folder = join(output, 'models', name);
  await saveModel({ model, folder });
  await record(folder);
  // LoRA on the language part and on the vision encoder: q_proj is in both.
  addLora({ model, rank: 2, alpha: 4, targets: ['q_proj', 'fc1'] });
  train(3);
  const adapter = join(output, 'adapters', name);
  await mkdir(adapter, { recursive: true });
  await saveAdapter({ model, folder: adapter, baseModel: folder });
  await record(adapter);
  model.dispose();
}
