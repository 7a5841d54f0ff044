import { tf, useEngine } from '@subtext/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createModel } from '../create-model';
import { generate } from '../generation/generate';
import { loadModel } from '../load-model';
import { ModelError } from '../model-error';
import { isMultimodal, type ImageInputs, type MultimodalModel } from '../multimodal-model';
import { resizeEmbeddings } from '../resize-embeddings';
import { fixtures, readRecorded, rowsOf } from '../parity/recorded';
import { tidied } from '../tidied';

const folder = `${fixtures}multimodal/mllama-two-pictures`;

describe('mllama', () => {
  let model: MultimodalModel;
  let prompts: number[][];
  /** The pictures of some samples. */
  let pictures: (rows: readonly number[]) => ImageInputs;

  beforeAll(async () => {
    await useEngine({ engine: 'wasm' });
    const loaded = await loadModel({ folder });
    if (!isMultimodal(loaded)) throw new Error('an mllama takes pictures');
    model = loaded;
    const recorded = await readRecorded(folder);
    prompts = rowsOf(recorded('input_ids'));
    pictures = (rows) => {
      const part = (name: string) => {
        const { shape, values } = recorded(name);
        const size = values.length / shape[0]!;
        return {
          data: Float32Array.from(rows.flatMap((row) => [...values.subarray(row * size, (row + 1) * size)])),
          shape: [rows.length, ...shape.slice(1)],
        };
      };
      const whole = (name: string) => ({ data: Int32Array.from(part(name).data), shape: part(name).shape });
      return {
        pixelValues: part('pixel_values'),
        aspectRatioIds: whole('aspect_ratio_ids'),
        aspectRatioMask: whole('aspect_ratio_mask'),
      };
    };
  });
  afterAll(() => model.dispose());

  const write = async (rows: readonly number[], stopIds: readonly (readonly number[])[] = rows.map(() => [])) => {
    const inputs = tidied(() => model.embedInputs({ ids: rows.map((row) => prompts[row]!), images: pictures(rows) }));
    const { ids } = await generate({ model, inputs, maxNewTokens: 6, stopIds });
    tf.dispose([inputs.embeddings, inputs.forwardExtras.crossAttention!.states]);
    return ids;
  };

  it('writes for each row what it writes alone, when others finish earlier', async () => {
    const [first] = await write([0]);
    const [second] = await write([1]);
    const before = tf.memory().numTensors;
    // The first row ends after its second token and leaves the batch, its pictures with it.
    const stop = first![1]!;
    const at = first!.indexOf(stop);
    expect(await write([0, 1], [[stop], []])).toEqual([first!.slice(0, at + 1), second]);
    expect(await write([1, 0], [[], [stop]])).toEqual([second, first!.slice(0, at + 1)]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('sees the pictures: other pictures change what it computes from their token on', () => {
    tf.tidy(() => {
      const hidden = (rows: readonly number[]) => {
        const { embeddings, forwardExtras } = model.embedInputs({
          ids: [prompts[0]!],
          images: { ...pictures([0]), pixelValues: pictures(rows).pixelValues },
        });
        return model.forward({ embeddings, ...forwardExtras }).hidden;
      };
      const change = tf.max(tf.abs(tf.sub(hidden([0]), hidden([1]))), -1).dataSync();
      const seenFrom = prompts[0]!.indexOf(model.imageTokenId);
      for (const [position, value] of change.entries()) {
        if (position >= seenFrom) expect(value).toBeGreaterThan(1e-3);
      }
    });
  });

  it('takes pictures that are encoded already, with a mask', () => {
    tf.tidy(() => {
      const images = pictures([0, 1]);
      const whole = model.embedInputs({ ids: prompts, images });
      const features = model.encodeImages(images);
      const again = model.embedInputs({
        ids: prompts,
        images: features,
        crossAttentionMask: whole.forwardExtras.crossAttention!.mask,
      });
      const difference = tf.sub(
        model.forward({ embeddings: whole.embeddings, ...whole.forwardExtras }).hidden,
        model.forward({ embeddings: again.embeddings, ...again.forwardExtras }).hidden,
      );
      expect(tf.max(tf.abs(difference)).dataSync()[0]).toBe(0);
    });
  });

  it('names bad input', () => {
    const code = (compute: () => unknown) => {
      try {
        tf.tidy(() => void compute());
      } catch (error) {
        return error instanceof ModelError ? `${error.code}: ${error.message}` : `${String(error)}`;
      }
      return 'no error';
    };
    const images = pictures([0, 1]);
    expect(code(() => model.encodeImages({ pixelValues: images.pixelValues }))).toMatch(
      /^invalid-images: .*needs aspectRatioIds/,
    );
    expect(
      code(() => model.encodeImages({ ...images, aspectRatioIds: { data: Int32Array.of(9, 0, 0, 0), shape: [2, 2] } })),
    ).toMatch(/aspect ratio id 9 does not exist/);
    expect(
      code(() => model.encodeImages({ ...images, pixelValues: { data: new Float32Array(12), shape: [1, 3, 2, 2] } })),
    ).toMatch(/must be \[samples, images, 3, 3, 24, 24\]/);
    expect(code(() => model.embedInputs({ ids: prompts }))).toMatch(/^images-do-not-match: .*no image/);
    expect(code(() => model.embedInputs({ ids: [prompts[1]!, prompts[1]!], images }))).toMatch(
      /Prompt 0 has 2 image tokens \(id 60\) but 1 images/,
    );
    expect(code(() => resizeEmbeddings({ model, vocabularySize: 70 }))).toMatch(/68 embeddings and 60 logits/);
    const { config } = model;
    const changed = (key: string, value: unknown) => () =>
      createModel({
        config: { ...config, vision_config: { ...(config.vision_config as object), [key]: value } },
        seed: 1,
      });
    expect(code(changed('vision_output_dim', 40))).toMatch(
      /vision_output_dim is 40, but hidden_size 20 with 2 intermediate layers gives 60/,
    );
    expect(code(changed('intermediate_layers_indices', [7]))).toMatch(/names layer 7, but there are 3/);
    expect(code(changed('supported_aspect_ratios', [[2, 2]]))).toMatch(/2 × 2, more than max_num_tiles 3/);
    expect(code(changed('window', 3))).toMatch(/vision_config\.window/);
  });
});
