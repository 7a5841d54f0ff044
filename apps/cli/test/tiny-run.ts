import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A model of a few thousand numbers that sees, hides two stages and explains them: it learns nothing, but takes every path. */
export const tinyConfiguration = `
seed: 3
engine: wasm
workers: 2
output: run
stages: [summary, caption, reasoning]
data: { format: scenes, train: data/train.jsonl }
model:
  new:
    model_type: llava
    vision_feature_layer: -1
    vision_feature_select_strategy: default
    projector_hidden_act: gelu
    vision_config: { model_type: clip_vision_model, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, image_size: 16, patch_size: 8 }
    text_config: { model_type: llama, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true }
method: { name: heima, thinkingTokens: 1 }
training:
  batchSize: 4
  learningRate: 0.001
  warmupSteps: 2
  text: { steps: 12 }
  encode: { steps: 4 }
  recover: { steps: 4 }
interpreters:
  mode: joint
  model:
    new: { model_type: llama, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true }
`;

/** The same without pictures and without interpreters, after two steps. */
export const blindConfiguration = `
output: blind
engine: wasm
workers: 0
data: { format: scenes, train: data/train.jsonl, images: false }
model:
  new: { model_type: llama, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true }
method: { name: no-cot }
training: { batchSize: 4, text: { steps: 2 } }
`;

/** Writes both to a folder. */
export async function writeConfigurations(folder: string): Promise<void> {
  await writeFile(join(folder, 'tiny.yaml'), tinyConfiguration);
  await writeFile(join(folder, 'blind.yaml'), blindConfiguration);
}
