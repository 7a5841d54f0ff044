import { beforeAll, describe, expect, it } from 'vitest';

import { tf, useEngine } from '../index';
import { wasmBackend } from './wasm-backend';

beforeAll(async () => {
  await useEngine('wasm');
});

describe('memory of the wasm engine', () => {
  it('that is exhausted ends in an error, not at address 0, and is there again when tensors are freed', () => {
    const backend = wasmBackend();
    const before = tf.memory().numTensors;
    const blocks: tf.Tensor[] = [];
    // Outputs that nobody writes to: the system gives their pages only when they are touched.
    const fill = () => {
      for (let count = 0; count < 16; count++) blocks.push(tf.engine().makeTensorFromTensorInfo(backend.makeOutput([2 ** 27], 'float32')));
    };
    const outOfMemory = expect.objectContaining({ code: 'out-of-memory', message: expect.stringMatching(/no 512\.0 MB left of the 4 GB/) }) as unknown;
    const thrown = (action: () => unknown) => {
      try {
        action();
      } catch (error) {
        return error;
      }
    };
    expect(thrown(fill)).toEqual(outOfMemory);
    expect(blocks.length).toBeGreaterThan(4);
    const small = tf.ones([2 ** 20]);
    // A kernel of TensorFlow.js's own, a kernel of ours, and an upload.
    expect(thrown(() => tf.tidy(() => tf.tile(small, [128])))).toEqual(outOfMemory);
    expect(thrown(() => tf.tidy(() => tf.concat(new Array<tf.Tensor>(128).fill(small))))).toEqual(outOfMemory);
    expect(thrown(() => tf.tidy(() => tf.tensor(new Float32Array(2 ** 27))))).toEqual(outOfMemory);
    tf.dispose(blocks);
    expect(tf.tidy(() => tf.sum(tf.tile(small, [2])).dataSync()[0])).toBe(2 ** 21);
    small.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
