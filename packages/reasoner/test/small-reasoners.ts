import type { ImageReference, ReasoningExample } from '@subtext/data';
import { createImageProcessor } from '@subtext/encoders';
import { createModel } from '@subtext/model';
import { tf } from '@subtext/tensor';
import { trainWordLevelTokenizer, type Tokenizer } from '@subtext/tokenizer';

import {
  createMethod,
  methodVisibility,
  type MethodSpecification,
  PictureStore,
  Reasoner,
  type ReasonerSettings,
  taggedFormat,
  type VisibilityName,
  type VisibilityTable,
} from '../src/index';

export const stages = ['summary', 'caption', 'reasoning'];

/** A picture of one colour. */
function picture({ name, red }: { name: string; red: boolean }): ImageReference {
  const data = new Uint8Array(16 * 16 * 3);
  for (let at = red ? 0 : 2; at < data.length; at += 3) data[at] = 250;
  return { path: name, load: () => Promise.resolve({ data, height: 16, width: 16, channels: 3 }) };
}

/** Questions of several lengths about red and blue; words of questions stand nowhere else. */
export const examples: ReasoningExample[] = [0, 1, 2].map((index) => ({
  id: `${index}`,
  question: ['what is it ?', 'what colour has it ?', 'say what you see there now ?'][index]!,
  image: picture({ name: `${index}.png`, red: index % 2 === 0 }),
  steps: [
    { name: 'summary', text: 'name its paint' },
    { name: 'caption', text: index % 2 === 0 ? 'red square' : 'a big blue square' },
    { name: 'reasoning', text: index === 2 ? 'so red red' : 'so blue' },
  ],
  answer: index % 2 === 0 ? 'red' : 'blue',
}));

export const questionWords = [...new Set(examples.flatMap(({ question }) => question.split(' ')))];

const normalised = { do_rescale: true, do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
const text = (tokenizer: Tokenizer) => ({
  hidden_size: 24,
  intermediate_size: 32,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  // Picture → caption → reasoning → answer: a layer for each step that is not fed back.
  num_hidden_layers: 3,
  vocab_size: tokenizer.vocabularySize,
  max_position_embeddings: 96,
  initializer_range: 0.3,
  tie_word_embeddings: false,
});
const vision = {
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  image_size: 16,
  initializer_range: 0.2,
};

export const families = {
  llama: { config: (tokenizer: Tokenizer) => ({ model_type: 'llama', ...text(tokenizer) }) },
  /** Sliding windows, which count a row's own positions. */
  mistral: { config: (tokenizer: Tokenizer) => ({ model_type: 'mistral', ...text(tokenizer), sliding_window: 9 }) },
  llava: {
    imageTokens: 4,
    config: (tokenizer: Tokenizer) => ({
      model_type: 'llava',
      image_token_index: tokenizer.idOf('<image>'),
      vision_feature_layer: -1,
      text_config: { model_type: 'llama', ...text(tokenizer) },
      vision_config: { model_type: 'clip_vision_model', ...vision, patch_size: 8 },
    }),
    processor: {
      image_processor_type: 'CLIPImageProcessor',
      size: { height: 16, width: 16 },
      do_center_crop: false,
      ...normalised,
    },
    eye: 'model.vision_tower.embeddings.patch_embedding.weight',
  },
  idefics3: {
    imageTokens: 4,
    config: (tokenizer: Tokenizer) => ({
      model_type: 'idefics3',
      image_token_id: tokenizer.idOf('<image>'),
      scale_factor: 2,
      text_config: { model_type: 'llama', ...text(tokenizer) },
      vision_config: { ...vision, patch_size: 4 },
    }),
    processor: {
      image_processor_type: 'Idefics3ImageProcessor',
      size: { longest_edge: 32 },
      max_image_size: { longest_edge: 16 },
      do_image_splitting: true,
      do_resize: true,
      do_pad: true,
      ...normalised,
    },
    eye: 'model.vision_model.embeddings.patch_embedding.weight',
  },
  mllama: {
    imageTokens: 1,
    config: (tokenizer: Tokenizer) => ({
      model_type: 'mllama',
      image_token_index: tokenizer.idOf('<image>'),
      text_config: {
        ...text(tokenizer),
        model_type: 'mllama_text_model',
        num_hidden_layers: 5,
        cross_attention_layers: [1],
      },
      vision_config: {
        ...vision,
        num_global_layers: 1,
        attention_heads: 2,
        patch_size: 8,
        max_num_tiles: 2,
        supported_aspect_ratios: [
          [1, 1],
          [1, 2],
          [2, 1],
        ],
        intermediate_layers_indices: [0],
        vision_output_dim: 32,
      },
    }),
    processor: {
      image_processor_type: 'MllamaImageProcessor',
      size: { height: 16, width: 16 },
      max_image_tiles: 2,
      do_resize: true,
      do_pad: true,
      ...normalised,
    },
    eye: 'model.vision_model.patch_embedding.weight',
  },
} as const;
export type Family = keyof typeof families;

/** A reasoner with tiny random weights, and its pictures. */
export function smallReasoner({
  family = 'llama',
  method,
  visibility = 'all',
}: {
  family?: Family;
  method: MethodSpecification;
  visibility?: VisibilityName | VisibilityTable;
}): { reasoner: Reasoner; pictures?: PictureStore; eye?: string } {
  const made = families[family];
  const sighted = 'eye' in made ? made : undefined;
  const own = createMethod(method);
  const tokenizer = trainWordLevelTokenizer({
    texts: examples.flatMap(({ question, steps, answer }) => [question, ...steps.map((step) => step.text), answer]),
    split: 'whitespace',
    specialTokens: ['<image>', ...taggedFormat.tags({ stages }), ...own.specialTokens({ stages })],
  });
  const model = createModel({ config: made.config(tokenizer), seed: 1 });
  for (const [name, variable] of model.parameters.entries())
    if (/gate$/.test(name) && variable.shape.join() === '1') variable.assign(tf.tensor1d([0.5]));
  const image = sighted && { token: '<image>', tokens: sighted.imageTokens, position: 'before' as const };
  const settings: ReasonerSettings = {
    format: 1,
    method,
    stages,
    hiddenStages: stages,
    reasoningFormat: 'tagged',
    prefix: ['<s>'],
    endToken: '</s>',
    image,
    thoughtReading: 'at',
    visibility: methodVisibility({ method: own, visibility, stages, image: sighted !== undefined }),
    longestResponse: 24,
  };
  const processor = sighted && createImageProcessor({ config: sighted.processor });
  return {
    reasoner: new Reasoner({ model, tokenizer, settings, processor }),
    ...(processor && { pictures: new PictureStore({ processor }) }),
    ...(sighted && { eye: sighted.eye }),
  };
}

/** The examples that a family can be shown: without pictures where it sees none. */
export function examplesFor(family: Family): ReasoningExample[] {
  return 'eye' in families[family] ? examples : examples.map((example) => ({ ...example, image: undefined }));
}
