import { beforeAll, describe, expect, it } from 'vitest';

import { useEngine } from '../../use-engine';
import { tf } from '../../../tensorflow';
import { guardAllocation } from './guard-allocation';
import { wasmBackend } from './wasm-backend';

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});

describe('memory of the wasm engine', () => {
  it('that is exhausted ends in an error, not at address 0, and is there again when tensors are freed', () => {
    const backend = wasmBackend();
    const before = tf.memory().numTensors;
    const blocks: tf.Tensor[] = [];
    // Outputs that nobody writes to: the system gives their pages only when they are touched.
    const fill = () => {
      for (let count = 0; count < 16; count++)
        blocks.push(tf.engine().makeTensorFromTensorInfo(backend.makeOutput([2 ** 27], 'float32')));
    };
    const outOfMemory = expect.objectContaining({
      code: 'out-of-memory',
      message: expect.stringMatching(/no 512\.0 MB left of the 4 GB/),
    }) as unknown;
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

  it('that a copy does not fit into ends in an error too, and the block is given back', () => {
    const freed: number[] = [];
    const blocks = new Map<object, { memoryOffset: number; shape: number[] }>();
    const short = {
      wasm: { _malloc: () => 64, _free: (address: number) => freed.push(address) },
      dataIdMap: blocks,
      // As where V8 gave fewer bytes than it was asked for: `HEAPU8.set` throws after the block was taken.
      move: (dataId: object, _: unknown, shape: number[]) => {
        blocks.set(dataId, { memoryOffset: 64, shape });
        new Uint8Array(8).set(new Uint8Array(16), 0);
      },
      readSync: () => new Float32Array(-1),
    };
    guardAllocation(short as never);
    const data = {};
    const outOfMemory = (text: RegExp) =>
      expect.objectContaining({ code: 'out-of-memory', message: expect.stringMatching(text) as string });
    freed.length = 0;
    expect(() => short.move(data, null, [2 ** 28, 3])).toThrowError(outOfMemory(/no 3072\.0 MB left/));
    expect([freed, blocks.size]).toEqual([[64], 0]);
    blocks.set(data, { memoryOffset: 64, shape: [2 ** 29] });
    expect(() => (short.readSync as (dataId: object) => unknown)(data)).toThrowError(
      outOfMemory(/no 2048\.0 MB left in this process/),
    );
  });
});
