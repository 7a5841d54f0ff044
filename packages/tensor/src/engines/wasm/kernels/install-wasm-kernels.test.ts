import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../../use-engine';
import { fusedKernels } from '../../../kernels/registry';
import { tf } from '../../../tensorflow';
import { presentVariants } from './testing/arena';
import { installWasmKernels } from './install-wasm-kernels';
import { wasmBackend } from './wasm-backend';

/** What `compute` gives on the `cpu` engine and on `wasm`. */
function both(compute: () => tf.Tensor | tf.Tensor[]): { cpu: number[][]; wasm: number[][]; shapes: number[][][] } {
  const run = (backend: string) => {
    void tf.setBackend(backend);
    return tf.tidy(() => [compute()].flat().map((tensor) => ({ shape: tensor.shape, values: [...tensor.dataSync()] })));
  };
  const [cpu, wasm] = [run('cpu'), run('wasm')];
  return {
    cpu: cpu.map(({ values }) => values),
    wasm: wasm.map(({ values }) => values),
    shapes: [cpu.map(({ shape }) => shape), wasm.map(({ shape }) => shape)],
  };
}

function expectSame(compute: () => tf.Tensor | tf.Tensor[]): void {
  const { cpu, wasm, shapes } = both(compute);
  expect(shapes[1]).toEqual(shapes[0]);
  cpu.forEach((values, index) => values.forEach((value, place) => expect(wasm[index]![place]).toBeCloseTo(value, 4)));
}

const numbers = (...shape: number[]) => tf.randomNormal(shape, 0, 1, 'float32', 7);

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});
afterAll(async () => {
  await installWasmKernels();
});

describe.each(presentVariants)('the wasm backend with kernels of %s', (variant) => {
  beforeAll(async () => {
    await installWasmKernels({ variant });
  });

  it('multiplies matrices in every transposition, batched, broadcast and empty', () => {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const a = (...batch: number[]) => numbers(...batch, ...(transposeA ? [7, 5] : [5, 7]));
        const b = (...batch: number[]) => numbers(...batch, ...(transposeB ? [9, 7] : [7, 9]));
        expectSame(() => tf.matMul(a(), b(), transposeA, transposeB));
        expectSame(() => tf.matMul(a(3), b(3), transposeA, transposeB));
        expectSame(() => tf.matMul(a(2, 3), b(2, 3), transposeA, transposeB));
        expectSame(() => tf.matMul(a(3), b(1), transposeA, transposeB));
        expectSame(() => tf.matMul(a(1), b(4), transposeA, transposeB));
        expectSame(() => tf.matMul(a(2, 1), b(1, 3), transposeA, transposeB));
        expectSame(() => tf.matMul(a(3), b(), transposeA, transposeB));
      }
    }
    expectSame(() => tf.matMul(tf.zeros([0, 4]), numbers(4, 3)));
    expectSame(() => tf.matMul(tf.zeros([3, 0]), tf.zeros([0, 2])));
  });

  it('splits, slices and concatenates as before', () => {
    for (const axis of [0, 1, 2]) {
      expectSame(() => tf.split(numbers(4, 6, 8), 2, axis));
      expectSame(() => tf.concat([numbers(3, 5, 7), numbers(3, 5, 7)], axis));
      expectSame(() =>
        tf.concat(
          [numbers(2, 2, 2), numbers(...[2, 2, 2].map((length, index) => (index === axis ? 5 : length)))],
          axis,
        ),
      );
    }
    expectSame(() => tf.split(numbers(2, 9), [2, 3, 4], -1));
    expectSame(() => tf.slice(numbers(4, 5, 6), [1, 0, 0], [2, 5, 6]));
    expectSame(() => tf.slice(numbers(4, 5, 6), [0, 2, 0], [4, -1, 6]));
    expectSame(() => tf.slice(numbers(4, 5, 6), [0, 0, 5]));
    expectSame(() => tf.slice(numbers(4, 5, 6), [1, 1, 1], [2, 2, 2]));
    expectSame(() => tf.slice(numbers(4, 5), [0, 0]));
    expectSame(() => tf.slice(numbers(4, 5), [2, 0], [0, 5]));
    expectSame(() => tf.concat([tf.tensor1d([1, 2], 'int32'), tf.tensor1d([3], 'int32')]));
    expectSame(() => tf.concat([tf.tensor1d([1, 0], 'bool'), tf.tensor1d([1], 'bool')]));
    expectSame(() => tf.split(tf.tensor2d([[1, 0, 1, 1]], [1, 4], 'bool'), 2, 1));
    expectSame(() => tf.concat([tf.zeros([0, 3]), numbers(2, 3)]));
  });

  it('keeps the errors of what does not fit', () => {
    void tf.setBackend('wasm');
    expect(() => tf.matMul(numbers(2, 3), numbers(4, 5))).toThrow(/inner/i);
    expect(() => tf.slice(numbers(4, 5), [3, 0], [2, 5])).toThrow();
    expect(() => tf.split(numbers(2, 5), [2, 2], 1)).toThrow();
  });

  it('works after memory has grown, and on tensors that come from another engine', () => {
    void tf.setBackend('cpu');
    const [a, b] = [numbers(33, 20), numbers(33, 40)];
    const expected = [...tf.matMul(a, b, true).dataSync()];
    void tf.setBackend('wasm');
    const before = wasmBackend().wasm.asm.memory.buffer.byteLength;
    const grown: tf.Tensor[] = [];
    while (wasmBackend().wasm.asm.memory.buffer.byteLength === before) {
      grown.push(tf.zeros([2 ** 20]));
    }
    const product = tf.matMul(a, b, true);
    [...product.dataSync()].forEach((value, index) => expect(value).toBeCloseTo(expected[index]!, 4));
    const output = fusedKernels().activation!.forward({ input: product as tf.Tensor2D, activation: 'relu' });
    expect([...output.dataSync()]).toEqual([...product.dataSync()].map((value) => Math.max(0, value)));
    tf.dispose([...grown, a, b, product, output]);
  });

  it('leaves no tensor and no memory behind', () => {
    void tf.setBackend('wasm');
    const backend = wasmBackend();
    const [input, weight] = [numbers(70, 33) as tf.Tensor2D, numbers(50, 33) as tf.Tensor2D];
    const bias = numbers(50) as tf.Tensor1D;
    const round = () =>
      tf.tidy(() => {
        const kernels = fusedKernels();
        const { output } = kernels.linear!.forward({
          input,
          weight,
          bias,
          activation: 'gelu',
          layout: 'out-in',
          recording: true,
        });
        kernels.linear!.backward({
          gradient: output,
          input,
          weight,
          layout: 'out-in',
          needs: { input: true, weight: true, bias: true },
        });
        const query = tf.reshape(output, [7, 10, 50]) as tf.Tensor3D;
        const attended = kernels.attention!.forward({
          query,
          key: query,
          value: query,
          heads: 5,
          keyValueHeads: 5,
          causal: true,
          mask: null,
          scale: 1,
          softCap: null,
          window: null,
        });
        kernels.attention!.backward({
          gradient: query,
          query,
          key: query,
          value: query,
          ...attended,
          heads: 5,
          keyValueHeads: 5,
          causal: true,
          mask: null,
          scale: 1,
          softCap: null,
          window: null,
        });
        tf.split(output, 2, 1);
      });
    round();
    const tensors = tf.memory().numTensors;
    const { wasm } = backend;
    const { _malloc: allocate, _free: free } = wasm;
    let blocks = 0;
    let allocations = 0;
    wasm._malloc = (bytes) => {
      blocks++;
      allocations++;
      return allocate(bytes);
    };
    wasm._free = (address) => {
      blocks--;
      free(address);
    };
    for (let i = 0; i < 20; i++) {
      round();
    }
    Object.assign(wasm, { _malloc: allocate, _free: free });
    expect(tf.memory().numTensors).toBe(tensors);
    expect(allocations).toBeGreaterThan(100);
    expect(blocks).toBe(0);
    tf.dispose([input, weight, bias]);
  });
});

it('refuses a kernel build that does not exist', async () => {
  await expect(installWasmKernels({ variant: 'mmx' as 'simd' })).rejects.toMatchObject({ code: 'invalid-option' });
});
