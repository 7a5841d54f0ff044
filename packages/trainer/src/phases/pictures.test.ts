import type { ImageReference, ReasoningExample } from '@subtext/data';
import { createImageProcessor } from '@subtext/encoders';
import { createModel, type LanguageModel, type MultimodalModel } from '@subtext/model';
import { createMethod, Reasoner, PictureStore, type ReasonerBatch } from '@subtext/reasoner';
import { tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { type Tokenizer, trainWordLevelTokenizer } from '@subtext/tokenizer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openProgram, shardOf } from '../../test/open-program';
import { createProgram, programSource } from '../loop/training-engine';
import type { Shard } from '../sources/source';
import { measureLayouts } from './measure-layouts';
import { reasonerPhases } from './reasoner-phases';
import { train } from '../loop/train';

const method = { name: 'heima', options: {} } as const;
const stages = ['summary', 'caption'];
const tileMarks = [
  '<fake_token_around_image>',
  '<global-img>',
  '<row_1_col_1>',
  '<row_1_col_2>',
  '<row_2_col_1>',
  '<row_2_col_2>',
];
const normalised = { do_rescale: true, do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };

/** A picture of one colour, red or blue, of a given size. */
function picture({
  name,
  red,
  height,
  width,
}: {
  name: string;
  red: boolean;
  height: number;
  width: number;
}): ImageReference {
  const data = new Uint8Array(height * width * 3);
  for (let at = red ? 0 : 2; at < data.length; at += 3) data[at] = 250;
  return { path: name, load: () => Promise.resolve({ data, height, width, channels: 3 }) };
}

/** Questions about colours, pictures of other sizes among them, and one question without a picture. */
const examples: ReasoningExample[] = [0, 1, 2, 3].map((index) => {
  const red = index % 2 === 0;
  const colour = red ? 'red' : 'blue';
  return {
    id: `${index}`,
    question: 'what is it ?',
    image: picture({ name: `${index}.png`, red, height: 16, width: index < 2 ? 16 : 32 }),
    steps: [
      { name: 'summary', text: `look at it` },
      { name: 'caption', text: `it is ${colour}` },
    ],
    answer: colour,
  };
});
const withoutPicture: ReasoningExample = { ...examples[0]!, id: 'none', question: 'say red', image: undefined };

const text = (tokenizer: Tokenizer) => ({
  hidden_size: 24,
  intermediate_size: 32,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: tokenizer.vocabularySize,
  max_position_embeddings: 96,
  initializer_range: 0.2,
});

const families = {
  mllama: {
    imageTokens: 1,
    config: (tokenizer: Tokenizer) => ({
      model_type: 'mllama',
      image_token_index: tokenizer.idOf('<image>'),
      text_config: {
        ...text(tokenizer),
        model_type: 'mllama_text_model',
        num_hidden_layers: 3,
        cross_attention_layers: [1],
      },
      vision_config: {
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_global_layers: 1,
        attention_heads: 2,
        image_size: 16,
        patch_size: 8,
        max_num_tiles: 2,
        supported_aspect_ratios: [
          [1, 1],
          [1, 2],
          [2, 1],
        ],
        intermediate_layers_indices: [0],
        vision_output_dim: 32,
        initializer_range: 0.2,
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
    vision: 'model.vision_model.patch_embedding.weight',
  },
  idefics3: {
    imageTokens: 4,
    config: (tokenizer: Tokenizer) => ({
      model_type: 'idefics3',
      image_token_id: tokenizer.idOf('<image>'),
      scale_factor: 2,
      text_config: { ...text(tokenizer), model_type: 'llama', num_hidden_layers: 2 },
      vision_config: {
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        image_size: 16,
        patch_size: 4,
        initializer_range: 0.2,
      },
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
    vision: 'model.vision_model.embeddings.patch_embedding.weight',
  },
} as const;

/** A new reasoner that thinks before it answers, with tiny weights; its own gates open where it has gates. */
function newReasoner(family: keyof typeof families): Reasoner {
  const { config, processor, imageTokens } = families[family];
  const specialTokens = [
    '<image>',
    '<thought>',
    ...tileMarks,
    ...['summary', 'caption'].flatMap((name) => [`<${name.toUpperCase()}>`, `</${name.toUpperCase()}>`]),
    '<CONCLUSION>',
    '</CONCLUSION>',
    ...createMethod(method).specialTokens({ stages }),
  ];
  const tokenizer = trainWordLevelTokenizer({
    texts: [...examples, withoutPicture].flatMap(({ question, steps, answer }) => [
      question,
      ...steps.map((step) => step.text),
      answer,
    ]),
    split: 'whitespace',
    specialTokens: [...new Set(specialTokens)],
  });
  const model = createModel({ config: config(tokenizer), seed: 1 });
  for (const [name, variable] of model.parameters.entries()) {
    if (/gate$/.test(name) && variable.shape.join() === '1') variable.assign(tf.tensor1d([0.5]));
  }
  const settings = {
    format: 1 as const,
    method,
    stages,
    hiddenStages: stages,
    reasoningFormat: 'tagged',
    prefix: ['<s>'],
    endToken: '</s>',
    image: { token: '<image>', tokens: imageTokens, position: 'before' as const },
    thoughtReading: 'before' as const,
    longestResponse: 12,
  };
  return new Reasoner({ model, tokenizer, settings, processor: createImageProcessor({ config: processor }) });
}

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-pictures-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe.each(['mllama', 'idefics3'] as const)('pictures of %s', (family) => {
  const plan = (reasoner: Reasoner, steps: number) => {
    const phases = createMethod(method).curriculum({ stages });
    return phases
      .slice(-1)
      .map((phase) => ({ phase, steps, batchSize: 5, schedule: { learningRate: 0.01, warmupSteps: 1 } }));
  };
  const dataOf = (reasoner: Reasoner, shards = 2) => ({
    examples: [...examples, withoutPicture],
    method: reasoner.method,
    context: reasoner.layoutContext(),
    pictures: new PictureStore({ processor: reasoner.processor! }),
    seed: 1,
    shards,
  });

  it('reach the loss, and the loss reaches them', async () => {
    const reasoner = newReasoner(family);
    const [phase] = reasonerPhases({ plans: plan(reasoner, 1), data: dataOf(reasoner, 1) });
    const [{ inputs: batch }] = (await phase!.source.batch(0)) as [Shard<ReasonerBatch>];
    const { model } = reasoner;
    const program = await openProgram({ model });
    const lossOf = (changed: ReasonerBatch) => tf.tidy(() => program.loss(shardOf(changed)).loss.dataSync()[0]!);
    const { value, gradients } = valueAndGradients({
      parameters: model.parameters,
      compute: () => program.loss(shardOf(batch)).loss,
    });
    expect(value.dataSync()[0]).toBeCloseTo(lossOf(batch), 5);
    // Every parameter takes part but biases of keys, which cannot change a softmax.
    const still = model.parameters
      .names()
      .filter(
        (name) => !/k_proj\.bias$/.test(name) && tf.tidy(() => tf.max(tf.abs(gradients[name]!)).dataSync()[0]) === 0,
      );
    expect(still).toEqual(
      family === 'idefics3'
        ? []
        : still.filter((name) => /tile_embedding|tile_positional_embedding|embed_tokens/.test(name)),
    );
    // Along a direction in the patches' weights, the loss changes as its gradient says.
    const { vision } = families[family];
    const weight = model.parameters.get(vision);
    const before = tf.clone(weight);
    const direction = tf.randomNormal(weight.shape, 0, 1, 'float32', 3);
    const slope = tf.tidy(() => tf.sum(tf.mul(direction, gradients[vision]!)).dataSync()[0]!);
    const step = 2e-4;
    const at = (sign: number) => {
      tf.tidy(() => weight.assign(tf.add(before, tf.mul(direction, sign * step))));
      return lossOf(batch);
    };
    const measured = (at(1) - at(-1)) / (2 * step);
    expect(Math.abs(slope)).toBeGreaterThan(1e-4);
    expect(Math.abs(measured - slope)).toBeLessThan(0.03 * Math.abs(slope) + 1e-4);
    reasoner.dispose();
    tf.dispose([value, before, direction, ...Object.values(gradients)]);
  });

  it('are learned from by Heima: the loss goes down, the answer is read from the picture, thoughts have states', async () => {
    const reasoner = newReasoner(family);
    const { longest, longestResponse } = measureLayouts({
      data: dataOf(reasoner),
      phases: plan(reasoner, 1).map(({ phase }) => phase),
    });
    expect(longest).toBeGreaterThan(longestResponse);
    const start = join(folder, `${family}-start`);
    await reasoner.save({ folder: start });
    reasoner.dispose();
    const source = programSource({ model: { kind: 'folder', folder: start } });
    const program = await createProgram(source);
    const losses: number[] = [];
    const trained = await Reasoner.load({ folder: start });
    await train({
      folder: join(folder, `${family}-run`),
      source,
      program,
      phases: reasonerPhases({ plans: plan(trained, 40), data: dataOf(trained) }),
      fingerprint: family,
      workers: 0,
      shards: 2,
      onProgress: ({ loss }) => losses.push(loss),
    });
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 50);
    for (const { name, variable } of program.parameters)
      trained.model.parameters.get(name.replace(/^reasoner\//, '')).assign(variable as tf.Variable);
    const answers = await trained.think({ questions: examples });
    const tensors = tf.memory().numTensors;
    expect(answers.map(({ answer }) => answer)).toEqual(examples.map(({ answer }) => answer));
    expect(answers.map(({ thoughts }) => thoughts.map(({ stage }) => stage))).toEqual(examples.map(() => stages));
    expect(answers[0]!.thoughts[0]!.hidden).toHaveLength(24);
    // Beside others or alone: the same.
    for (const question of [examples[1]!, examples[2]!]) {
      const [alone] = await trained.think({ questions: [question] });
      expect(alone!.ids).toEqual(answers[examples.indexOf(question)]!.ids);
    }
    expect(tf.memory().numTensors).toBe(tensors);
    trained.dispose();
    for (const { variable } of program.parameters) variable.dispose();
  }, 300_000);
});

describe('tiles of a picture', () => {
  it('stand in the prompt as Idefics3Processor writes them', async () => {
    const reasoner = newReasoner('idefics3');
    const questions = [examples[0]!, examples[2]!];
    expect(() => reasoner.prompts(questions)).toThrow(/measure/);
    await reasoner.measurePictures(questions);
    const [square, wide] = reasoner
      .prompts(questions)
      .map((ids) => reasoner.tokenizer.decode(ids, { skipSpecialTokens: false }).replaceAll(' ', ''));
    const tile = '<image>'.repeat(4);
    // 16 × 16 becomes 32 × 32, four tiles; 16 × 32 is two.
    expect(square).toBe(
      `<s><fake_token_around_image><row_1_col_1>${tile}<fake_token_around_image><row_1_col_2>${tile}<fake_token_around_image><row_2_col_1>${tile}<fake_token_around_image><row_2_col_2>${tile}<fake_token_around_image><global-img>${tile}<fake_token_around_image>whatisit?`,
    );
    expect(wide).toBe(
      `<s><fake_token_around_image><row_1_col_1>${tile}<fake_token_around_image><row_1_col_2>${tile}<fake_token_around_image><global-img>${tile}<fake_token_around_image>whatisit?`,
    );
    reasoner.dispose();
  });

  it('are carried whole: as many vectors as image tokens, and masks beside them', async () => {
    const reasoner = newReasoner('idefics3');
    const store = new PictureStore({ processor: reasoner.processor! });
    const images = [examples[0]!.image, undefined, examples[2]!.image];
    const prepared = await store.prepare(images);
    expect(prepared!.pixelValues.shape).toEqual([5 + 3, 3, 16, 16]);
    expect(prepared!.pixelAttentionMask!.shape).toEqual([5 + 3, 16, 16]);
    expect(await store.prepare([undefined])).toBeUndefined();
    expect(tf.tidy(() => (reasoner.model as LanguageModel as MultimodalModel).encodeImages(prepared!).shape)).toEqual([
      8, 4, 24,
    ]);
    reasoner.dispose();
  });

  it('keep their transparency as far as the processor: Mllama lays them on white', async () => {
    const reasoner = newReasoner('mllama');
    const clear: ImageReference = {
      path: 'clear',
      load: () => Promise.reject(new Error('colours alone')),
      loadPicture: () =>
        Promise.resolve({ data: new Uint8Array(16 * 16 * 4), width: 16, height: 16, channels: 4, isPlainRgb: false }),
    };
    const prepared = await new PictureStore({ processor: reasoner.processor! }).prepare([clear]);
    expect(prepared!.pixelValues.data[0]).toBe(1);
    reasoner.dispose();
  });

  it('of an mllama have a place in every row, empty where there is no picture', async () => {
    const reasoner = newReasoner('mllama');
    const prepared = await new PictureStore({ processor: reasoner.processor! }).prepare([
      undefined,
      examples[2]!.image,
    ]);
    expect(prepared!.pixelValues.shape).toEqual([2, 1, 2, 3, 16, 16]);
    expect([...prepared!.aspectRatioIds!.data]).toEqual([0, 2]);
    expect([...prepared!.aspectRatioMask!.data]).toEqual([1, 0, 1, 1]);
    reasoner.dispose();
  });
});
