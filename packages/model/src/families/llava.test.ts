import { AdamW, tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

import { createModel } from '../create-model';
import { generate } from '../generation/generate';
import { ModelError } from '../model-error';
import { isMultimodal, type MultimodalModel } from '../multimodal-model';
import { nextTokenLoss } from '../training/next-token-loss';
import { tidied } from '../tidied';

/** A model small enough to learn in a test: 4 patches of 8 × 8, two layers each. */
const config = {
  model_type: 'llava',
  image_token_index: 5,
  vision_feature_layer: -1,
  vision_config: {
    model_type: 'clip_vision_model',
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    image_size: 16,
    patch_size: 8,
  },
  text_config: {
    model_type: 'llama',
    vocab_size: 20,
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    max_position_embeddings: 64,
  },
};

function newModel(changes: Record<string, unknown> = {}): MultimodalModel {
  const model = createModel({ config: { ...config, ...changes }, seed: 3 });
  if (!isMultimodal(model)) throw new Error('a llava takes pictures');
  return model;
}

/** Four pictures of one colour each: the word that follows tells which. */
const colours = [
  [1, -1, -1],
  [-1, 1, -1],
  [-1, -1, 1],
  [1, 1, -1],
];
const pictures = (indices: readonly number[]) => ({
  pixelValues: {
    data: Float32Array.from(
      indices.flatMap((index) => colours[index]!.flatMap((value) => new Array<number>(256).fill(value))),
    ),
    shape: [indices.length, 3, 16, 16],
  },
});
const prompt = (model: MultimodalModel) => [1, ...new Array<number>(model.imageTokens).fill(model.imageTokenId), 2];

describe.each(['cpu', 'wasm'] as const)('LLaVA from nothing on %s', (engine) => {
  beforeAll(async () => void (await useEngine({ engine })));

  // The reference engine gives the same gradients (parity tests) and would take seconds here.
  it.skipIf(engine === 'cpu')('learns to name what it sees, through a vision encoder that learns too', async () => {
    const model = newModel();
    expect(model.imageTokens).toBe(4);
    const optimizer = new AdamW({ parameters: model.parameters, learningRate: 5e-3 });
    const all = [0, 1, 2, 3];
    const ids = all.map((index) => [...prompt(model), 10 + index]);
    const labels = ids.map((row) => row.map((id, position) => (position === row.length - 1 ? id : -100)));
    const encoder = 'model.vision_tower.embeddings.patch_embedding.weight';
    const before = (model.parameters.get(encoder).dataSync() as Float32Array).slice();
    let tensors = 0;
    let loss = Infinity;
    for (let step = 0; step < 120 && loss > 0.05; step++) {
      const { value, gradients } = valueAndGradients({
        parameters: model.parameters,
        compute: () => {
          const { embeddings } = model.embedInputs({ ids, images: pictures(all) });
          const { sum, count } = nextTokenLoss({ model, hidden: model.forward({ embeddings }).hidden, labels });
          return tf.div(sum, count);
        },
      });
      loss = value.dataSync()[0] as number;
      // All of the vision encoder learns but the norm that only CLIP's pooling uses.
      if (step === 0)
        expect(model.parameters.names().filter((name) => !(name in gradients))).toEqual([
          'model.vision_tower.post_layernorm.weight',
          'model.vision_tower.post_layernorm.bias',
        ]);
      optimizer.step({ gradients });
      tf.dispose([value, ...Object.values(gradients)]);
      if (step === 1) tensors = tf.memory().numTensors;
      if (step > 1) expect(tf.memory().numTensors).toBe(tensors);
    }
    expect(loss).toBeLessThan(0.05);
    expect(model.parameters.get(encoder).dataSync()).not.toEqual(before);
    const inputs = tidied(() =>
      model.embedInputs({ ids: all.map(() => prompt(model)), images: pictures([3, 1, 0, 2]) }),
    );
    const { ids: answers } = await generate({ model, inputs, maxNewTokens: 1 });
    expect(answers).toEqual([[13], [11], [10], [12]]);
    tf.dispose(inputs.embeddings);
    optimizer.dispose();
    model.dispose();
  });

  it('gives each row the same whatever stands beside it, and takes pictures that are encoded already', () => {
    const model = newModel();
    tf.tidy(() => {
      const single = model.forward({
        embeddings: model.embedInputs({ ids: [prompt(model)], images: pictures([2]) }).embeddings,
      }).hidden;
      // A row with no picture, padded on the left to the length of the other.
      const words = [1, 7, 8];
      const padded = [...new Array<number>(prompt(model).length - words.length).fill(0), ...words];
      const mask = tf.tensor2d(
        [prompt(model).map(() => 1), padded.map((_, index) => (index < padded.length - words.length ? 0 : 1))],
        undefined,
        'int32',
      );
      const images = model.encodeImages(pictures([2]));
      const both = model.forward({
        embeddings: model.embedInputs({ ids: [prompt(model), padded], images }).embeddings,
        mask,
      }).hidden;
      const alone = model.forward({ embeddings: model.embedInputs({ ids: [words] }).embeddings }).hidden;
      const difference = (first: tf.Tensor, second: tf.Tensor) => tf.max(tf.abs(tf.sub(first, second))).dataSync()[0];
      expect(difference(tf.slice(both, [0, 0, 0], [1, -1, -1]), single)).toBeLessThan(1e-5);
      expect(difference(tf.slice(both, [1, padded.length - words.length, 0], [1, -1, -1]), alone)).toBeLessThan(1e-5);
    });
    model.dispose();
  });
});

describe('bad input', () => {
  beforeAll(async () => void (await useEngine({ engine: 'cpu' })));
  const code = (compute: () => unknown) => {
    try {
      tf.tidy(() => void compute());
    } catch (error) {
      return error instanceof ModelError ? `${error.code}: ${error.message}` : String(error);
    }
    return 'no error';
  };

  it('names what does not match between prompt and pictures', () => {
    const model = newModel();
    expect(code(() => model.embedInputs({ ids: [prompt(model)] }))).toMatch(
      /^images-do-not-match: .*4 image tokens \(id 5\) but no image/,
    );
    expect(code(() => model.embedInputs({ ids: [prompt(model)], images: pictures([0, 1]) }))).toMatch(
      /4 image tokens .* have 2 × 4 vectors/,
    );
    expect(code(() => model.embedInputs({ ids: [[1, 20]] }))).toMatch(
      /^invalid-token-id: Row 0 has the id 20 at position 1; .* 0 to 19/,
    );
    expect(code(() => model.embedInputs({ ids: [[1, 2], [1]] }))).toMatch(/invalid-option: .*2, 1 ids/);
    expect(
      code(() => model.encodeImages({ pixelValues: { data: new Float32Array(3 * 64), shape: [1, 3, 8, 8] } })),
    ).toMatch(/^invalid-images: llava: .*16 × 16; these are 8 × 8/);
    model.dispose();
  });

  it('refuses configurations by name', () => {
    expect(code(() => newModel({ vision_feature_layer: -4 }))).toMatch(/vision_feature_layer -4 does not exist/);
    expect(code(() => newModel({ vision_feature_select_strategy: 'cls' }))).toMatch(/vision_feature_select_strategy/);
    expect(code(() => newModel({ image_grid_pinpoints: [[336, 672]] }))).toMatch(/image_grid_pinpoints/);
    expect(code(() => newModel({ text_config: { ...config.text_config, model_type: 'mamba' } }))).toMatch(
      /text_config: the model_type "mamba"/,
    );
    expect(code(() => newModel({ vision_config: { ...config.vision_config, hidden_act: 'x' } }))).toMatch(
      /vision_config\.hidden_act/,
    );
    expect(code(() => newModel({ vision_config: { ...config.vision_config, model_type: 'idefics3_vision' } }))).toMatch(
      /llava supports clip_vision_model and siglip_vision_model/,
    );
  });
});
