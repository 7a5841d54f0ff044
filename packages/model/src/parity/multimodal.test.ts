import { fileURLToPath } from 'node:url';
import { openSafetensors } from '@subtext/safetensors';
import { tf } from '@subtext/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generate, isMultimodal, loadModel, type ImageInputs, type MultimodalModel } from '../index';
import { describeOnEngines } from './engines';

const fixtures = fileURLToPath(new URL('../../fixtures/golden/', import.meta.url));

interface Recorded {
  shape: number[];
  values: Float32Array;
}

async function readGolden(name: string): Promise<Map<string, Recorded>> {
  const file = await openSafetensors(`${fixtures}${name}/golden.safetensors`);
  const entries = new Map<string, Recorded>();
  for (const tensor of file.names) {
    const { shape, dtype, data } = await file.read(tensor);
    entries.set(tensor, { shape: [...shape], values: dtype === 'I64' ? Float32Array.from(data as BigInt64Array, Number) : (data as Float32Array) });
  }
  await file.close();
  return entries;
}

const largestDifference = (actual: ArrayLike<number>, expected: ArrayLike<number>): number => {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let index = 0; index < actual.length; index++) {
    if (Number.isNaN(actual[index])) return NaN;
    largest = Math.max(largest, Math.abs((actual[index] as number) - (expected[index] as number)));
  }
  return largest;
};

describeOnEngines('recorded outputs of transformers', () => {
  describe.each(['llava', 'idefics3-smolvlm', 'mllama'])('%s', (name) => {
    let model: MultimodalModel;
    let golden: Map<string, Recorded>;
    let images: ImageInputs;
    let prompt: number[];
    const recorded = (tensor: string) => golden.get(tensor) as Recorded;
    const integers = (tensor: string) => {
      const entry = golden.get(tensor);
      return entry && { data: Int32Array.from(entry.values), shape: entry.shape };
    };

    beforeAll(async () => {
      golden = await readGolden(name);
      const loaded = await loadModel({ folder: `${fixtures}${name}` });
      if (!isMultimodal(loaded)) throw new Error(`${name} has no eyes`);
      model = loaded;
      const { shape, values } = recorded('pixel_values');
      images = { pixelValues: { data: values, shape }, aspectRatioIds: integers('aspect_ratio_ids'), aspectRatioMask: integers('aspect_ratio_mask') };
      prompt = [...recorded('input_ids').values];
    });
    afterAll(() => model.dispose());

    it('gives the logits and the last hidden state', () => {
      const before = tf.memory().numTensors;
      tf.tidy(() => {
        const inputs = model.embedInputs({ ids: [prompt], images, crossAttentionMask: integers('cross_attention_mask') });
        const { hidden, hiddenStates } = model.forward({ embeddings: inputs.embeddings, ...inputs.forwardExtras, outputHiddenStates: true });
        expect(hiddenStates).toHaveLength(model.dimensions.layers + 1);
        expect(largestDifference(hidden.dataSync(), recorded('last_hidden_state').values)).toBeLessThan(1e-4);
        expect(largestDifference(hiddenStates!.at(-1)!.dataSync(), recorded('last_hidden_state').values)).toBeLessThan(1e-4);
        expect(largestDifference(model.logits(hidden).dataSync(), recorded('logits').values)).toBeLessThan(1e-4);
      });
      // The tables of positions are made on the first call.
      expect(tf.memory().numTensors - before).toBeLessThanOrEqual(2);
    });

    it('writes the same greedy tokens with a cache and without', async () => {
      const whole = [...recorded('greedy').values];
      const inputs = model.embedInputs({ ids: [prompt], images });
      const { ids: generated } = await generate({ model, inputs, maxNewTokens: whole.length - prompt.length });
      expect([...prompt, ...generated[0]!]).toEqual(whole);
      tf.dispose(inputs.embeddings);
      const uncached = [...prompt];
      while (uncached.length < whole.length) {
        uncached.push(
          tf.tidy(() => {
            const again = model.embedInputs({ ids: [uncached], images });
            const { hidden } = model.forward({ embeddings: again.embeddings, ...again.forwardExtras });
            return model.logits(hidden).slice([0, uncached.length - 1, 0], [1, 1, -1]).argMax(-1).dataSync()[0] as number;
          }),
        );
      }
      expect(uncached).toEqual(whole);
    });
  });
});
