import type { LanguageModel } from '@subtext/model';
import { writeSafetensors, type TensorToWrite } from '@subtext/safetensors';
import { tf, useEngine } from '@subtext/tensor';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FeedbackMap, feedbackFile } from './feedback-map';

const width = 4;
const inner = 6;
const filled = (shape: number[], step: number): TensorToWrite => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, index) =>
    Math.sin(step * (index + 1)),
  ),
});
const sound: Record<string, TensorToWrite> = {
  'hidden.weight': filled([inner, width], 0.7),
  'hidden.bias': filled([inner], 0.3),
  'output.weight': filled([width, inner], 1.1),
  'output.bias': filled([width], 0.9),
  'norm.weight': filled([width], 2.3),
  'norm.bias': filled([width], 1.7),
};

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-feedback-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(tensors: Record<string, TensorToWrite>): Promise<void> {
  await writeSafetensors({ path: join(folder, feedbackFile), tensors });
}

/** The error function by its series, which converges fast below 4. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** By the formula, in double precision. */
function byHand(state: readonly number[], withNorm: boolean): number[] {
  const data = (name: string) => sound[name]!.data as Float32Array;
  const layer = (name: string, input: readonly number[], outputs: number) =>
    Array.from({ length: outputs }, (_, row) =>
      input.reduce(
        (sum, value, column) => sum + value * data(`${name}.weight`)[row * input.length + column]!,
        data(`${name}.bias`)[row]!,
      ),
    );
  const hidden = layer('hidden', state, inner).map((x) => 0.5 * x * (1 + erf(x / Math.SQRT2)));
  const output = layer('output', hidden, width);
  if (!withNorm) return output;
  const mean = output.reduce((sum, value) => sum + value, 0) / width;
  const variance = output.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
  return output.map(
    (value, index) =>
      ((value - mean) / Math.sqrt(variance + 1e-5)) * data('norm.weight')[index]! + data('norm.bias')[index]!,
  );
}

/** All that a map without a latent head asks of a model. */
const modelOf = (of: number) => ({ dimensions: { width: of } }) as LanguageModel;

describe('what a state goes through before it is fed back', () => {
  const states = [
    [0.5, -1.25, 2, 0.1],
    [-0.3, 0.8, 0, 1.5],
  ];

  it.each([true, false])(
    'is the projection of CODI, with a norm: %s; also when saved and loaded again',
    async (withNorm) => {
      await written(Object.fromEntries(Object.entries(sound).filter(([name]) => withNorm || !name.startsWith('norm'))));
      const first = await FeedbackMap.load({ folder, model: modelOf(width) });
      expect(first.width).toBe(width);
      await first.save({ folder });
      const map = await FeedbackMap.load({ folder, model: modelOf(width) });
      const before = tf.memory().numTensors;
      const input = tf.tensor3d(states.map((state) => [state]));
      const output = map.apply(input);
      expect(output.shape).toEqual([2, 1, width]);
      const values = await output.data();
      for (const [row, state] of states.entries())
        for (const [column, value] of byHand(state, withNorm).entries())
          expect(Math.abs(values[row * width + column]! - value)).toBeLessThan(1e-5);
      tf.dispose([input, output]);
      expect(tf.memory().numTensors).toBe(before);
      first.dispose();
      map.dispose();
    },
  );

  it('is refused where its file is missing, of another width, or lacks a part', async () => {
    const before = tf.memory().numTensors;
    const refused = (message: RegExp, of = width) =>
      expect(FeedbackMap.load({ folder, model: modelOf(of) })).rejects.toMatchObject({
        name: 'ReasonerError',
        code: 'not-a-reasoner',
        message: expect.stringMatching(message) as string,
      });
    await written(sound);
    await refused(/hidden\.weight is \[6, 4\]; a model of width 8 needs \[6, 8\]/, 8);
    await written({ ...sound, 'output.bias': filled([1], 1) });
    await refused(/output\.bias is \[1\]/);
    const { 'norm.bias': _, ...rest } = sound;
    await written(rest);
    await refused(/norm\.bias is missing/);
    await written({ other: filled([1], 1) });
    await refused(/hidden\.weight is missing/);
    await rm(join(folder, feedbackFile));
    await refused(/has no feedback\.safetensors/);
    expect(tf.memory().numTensors).toBe(before);
  });
});
