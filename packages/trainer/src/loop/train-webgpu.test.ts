import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describeEngines, tf, useEngine } from '@subtext/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { trainToy } from '../../test/toy-run';

/** Also where a processor imitates the GPU: the toy takes seconds on it. */
const present = (await describeEngines()).some(({ name, loads }) => name === 'webgpu' && loads);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-train-webgpu-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const lossesOf = async (name: string) =>
  (await readFile(join(folder, name, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { loss: number }).loss);

describe.skipIf(!present)('training on webgpu', () => {
  it('takes the steps of wasm, to rounding, stops, and goes on from what it stored', async () => {
    await useEngine({ engine: 'wasm' });
    const expected = await trainToy({ folder: join(folder, 'wasm') });
    await useEngine({ engine: 'webgpu' });
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const stopped = await trainToy({
      folder: join(folder, 'webgpu'),
      signal: controller.signal,
      onProgress: ({ step }) => step === 33 && controller.abort(),
    });
    expect(stopped).toMatchObject({ status: 'stopped', steps: 33 });
    const { status, steps, weights } = await trainToy({ folder: join(folder, 'webgpu') });
    expect({ status, steps }).toEqual({ status: 'finished', steps: 50 });
    const [losses, wanted] = [await lossesOf('webgpu'), await lossesOf('wasm')];
    expect(losses).toHaveLength(50);
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 3);
    losses.forEach((loss, step) => expect(Math.abs(loss - wanted[step]!)).toBeLessThan(1e-4));
    weights
      .flat()
      .forEach((value, index) => expect(Math.abs(value - expected.weights.flat()[index]!)).toBeLessThan(1e-3));
    // The toy keeps the four tensors that its variables start from, each time that it is built.
    expect(tf.memory().numTensors - before).toBe(2 * 4);
  });
});
