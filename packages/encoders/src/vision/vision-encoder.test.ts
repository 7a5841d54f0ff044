import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openSafetensors } from '@subtext/safetensors';
import { describeEngines, tf, useEngine } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { createVisionEncoder, loadVisionEncoder } from './load-vision-encoder';

const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const fixture = (name: string): string => `${fixtures}golden/${name}`;

async function readGolden(folder: string): Promise<Map<string, { data: Float32Array; shape: number[] }>> {
  const file = await openSafetensors({ path: `${folder}/golden.safetensors` });
  const tensors = new Map<string, { data: Float32Array; shape: number[] }>();
  for (const tensor of file.names)
    tensors.set(tensor, { data: await file.readFloat32(tensor), shape: [...file.entry(tensor).shape] });
  await file.close();
  return tensors;
}

const largestDifference = (tensor: tf.Tensor, expected: { data: Float32Array; shape: number[] }): number => {
  expect(tensor.shape).toEqual(expected.shape);
  return (tensor.dataSync() as Float32Array).reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - expected.data[index]!)),
    0,
  );
};

/** The engines that work on this machine; a GPU that a processor imitates takes minutes. */
const present = (await describeEngines())
  .filter(({ loads, device }) => loads && device?.software !== true)
  .map(({ name }) => name);

it('runs on cpu and wasm at least', () => {
  expect(present).toEqual(expect.arrayContaining(['cpu', 'wasm']));
});

describe.each(present)('on %s', (engine) => {
  beforeAll(async () => void (await useEngine({ engine })));

  it.each(['siglip-vision'])('%s gives what transformers gives', async (name) => {
    const expected = await readGolden(fixture(name));
    const encoder = await loadVisionEncoder({ folder: fixture(name) });
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const pixelValues = expected.get('pixel_values')!;
      const result = encoder.encode({ pixelValues, outputHiddenStates: true });
      expect(result.hiddenStates).toHaveLength(encoder.dimensions.layers + 1);
      for (const [index, state] of result.hiddenStates!.entries())
        expect(largestDifference(state, expected.get(`hidden_states.${index}`)!)).toBeLessThan(1e-4);
      expect(largestDifference(result.lastHiddenState, expected.get('last_hidden_state')!)).toBeLessThan(1e-4);
      expect(largestDifference(result.poolerOutput!, expected.get('pooler_output')!)).toBeLessThan(1e-4);
      // The same picture as a tensor, and with the channels last.
      const first = tf.tensor(pixelValues.data, pixelValues.shape);
      const last = tf.transpose(first, [0, 2, 3, 1]);
      const channelsLast = { data: last.dataSync() as Float32Array, shape: last.shape };
      for (const other of [first, last, channelsLast]) {
        expect(
          largestDifference(encoder.encode({ pixelValues: other }).poolerOutput!, expected.get('pooler_output')!),
        ).toBeLessThan(1e-4);
      }
      const [middle, beginning] = encoder.features({ pixelValues, layers: [-2, 0] });
      expect(largestDifference(middle!, expected.get(`hidden_states.${encoder.dimensions.layers - 1}`)!)).toBeLessThan(
        1e-4,
      );
      expect(largestDifference(beginning!, expected.get('hidden_states.0')!)).toBeLessThan(1e-4);
    });
    expect(tf.memory().numTensors).toBe(before);
    encoder.dispose();
  });

  /** Made by tooling/parity/make_vision_fixtures.py: odd sizes, one channel, no head, an encoder beside its text part. */
  it.each(readdirSync(`${fixtures}variants`))('%s gives what transformers gives', async (name) => {
    const expected = await readGolden(`${fixtures}variants/${name}`);
    const encoder = await loadVisionEncoder({ folder: `${fixtures}variants/${name}` });
    tf.tidy(() => {
      const result = encoder.encode({ pixelValues: expected.get('pixel_values')!, outputHiddenStates: true });
      expect(largestDifference(result.hiddenStates![0]!, expected.get('hidden_states.0')!)).toBeLessThan(1e-4);
      expect(largestDifference(result.lastHiddenState, expected.get('last_hidden_state')!)).toBeLessThan(1e-4);
      if (expected.has('pooler_output'))
        expect(largestDifference(result.poolerOutput!, expected.get('pooler_output')!)).toBeLessThan(1e-4);
      else expect(result.poolerOutput).toBeNull();
    });
    encoder.dispose();
  });
});

describe('bad input', () => {
  beforeAll(async () => void (await useEngine({ engine: 'cpu' })));
  const config = {
    model_type: 'siglip_vision_model',
    hidden_size: 8,
    intermediate_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    image_size: 8,
    patch_size: 4,
  };

  it('names what a config asks for and cannot have', () => {
    expect(() => createVisionEncoder({ config: { ...config, num_attention_heads: 3 } })).toThrow(
      /hidden_size 8 is not a multiple of num_attention_heads 3/,
    );
    expect(() => createVisionEncoder({ config: { ...config, window_size: 7 } })).toThrow(/window_size: 7/);
    expect(() => createVisionEncoder({ config: { ...config, hidden_act: 'mish' } })).toThrow(/hidden_act.*mish/s);
    expect(() => createVisionEncoder({ config: { ...config, model_type: 'vit' } })).toThrow(
      /"vit" is not a supported vision encoder/,
    );
  });

  it('refuses pictures of another size', () => {
    const encoder = createVisionEncoder({ config, seed: 1 });
    const pictures = (...shape: number[]) => ({
      data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
      shape,
    });
    expect(() => encoder.encode({ pixelValues: pictures(1, 3, 16, 16) })).toThrow(
      /takes images of 8 × 8; these are 16 × 16/,
    );
    expect(() => encoder.encode({ pixelValues: pictures(1, 4, 8, 8) })).toThrow(/\[1, 4, 8, 8\]/);
    expect(() => encoder.encode({ pixelValues: { data: new Float32Array(5), shape: [1, 3, 8, 8] } })).toThrow(
      /need 192 numbers; there are 5/,
    );
    expect(() => encoder.features({ pixelValues: pictures(1, 3, 8, 8), layers: [2] })).toThrow(
      /Layer 2 does not exist/,
    );
    encoder.dispose();
  });
});
