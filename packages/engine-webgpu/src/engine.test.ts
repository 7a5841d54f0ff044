import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  AdamW,
  attention,
  crossEntropy,
  embedding,
  EngineError,
  globalNorm,
  globalNormAsync,
  KeyValueCache,
  layerNorm,
  linear,
  Parameters,
  rmsNorm,
  TensorError,
  tf,
  useEngine,
  withoutFusedKernels,
} from '@subtext/tensor';
import { isSoftware } from './adapter';
import { webgpuEngine } from './engine';
import { activate } from '@subtext/tensor';
import { activationNames } from '@subtext/tensor';
import { attentionTiles } from './kernels/attention-tiles';
import { DeviceFaults, type FaultEvent } from './device-faults';
import { dispatchOf, shaderRunner } from './kernels/run-shader';
import { webgpuBackend } from './kernels/webgpu-backend';

describe('without a device', () => {
  it('cuts many workgroups into rows that a device takes', () => {
    expect(dispatchOf(65_535, 65_535)).toEqual([65_535, 1, 1]);
    const [x, y] = dispatchOf(65_536, 65_535);
    expect(y).toBe(2);
    expect(x * y).toBeGreaterThanOrEqual(65_536);
    expect(dispatchOf(7_000_000, 65_535)[0]).toBeLessThanOrEqual(65_535);
  });

  it('keeps attention’s tiles within the memory of every device', () => {
    for (const headWidth of [1, 7, 64, 80, 128, 256, 512]) {
      for (const time of [1, 3, 16, 1000]) {
        const { rows, lanes, columns } = attentionTiles({
          time,
          headWidth,
          rowArrays: 2,
          columnArrays: 2,
          scoreArrays: 2,
        });
        expect(4 * ((rows + columns) * 2 * headWidth + rows * columns * 2)).toBeLessThanOrEqual(16_384);
        expect(rows * lanes).toBe(64);
      }
    }
    expect(() =>
      attentionTiles({ time: 8, headWidth: 5000, rowArrays: 1, columnArrays: 2, scoreArrays: 1 }),
    ).toThrowError(/attention: heads of 5000 are too wide for the webgpu engine/);
  });

  it('is never taken by auto on a processor that imitates a GPU', () => {
    const info = { vendor: 'google', architecture: 'swiftshader', device: '', description: '' };
    expect(isSoftware({ info })).toBe(true);
    expect(isSoftware({ info: { ...info, architecture: '', isFallbackAdapter: true } })).toBe(true);
    expect(isSoftware({ info: { ...info, architecture: 'turing', vendor: 'nvidia' } })).toBe(false);
    const device = { kind: 'gpu', name: 'SwiftShader' } as const;
    expect(webgpuEngine.preference({ ...device, software: true })).toBe(0);
    expect(webgpuEngine.preference(device)).toBeGreaterThan(0);
  });

  it('throws what a device reports, once, and a lost device always', async () => {
    let report: (event: FaultEvent) => void = () => undefined;
    let lose: (reason: { message: string }) => void = () => undefined;
    const faults = new DeviceFaults({
      addEventListener: (_, listener) => (report = listener),
      lost: new Promise((resolve) => (lose = resolve)),
    });
    const fault = (message: string, name: string) => report({ error: { message, constructor: { name } } });
    faults.check();
    fault('Buffer size (16) exceeds the max buffer size limit (8).\n - While calling', 'GPUValidationError');
    fault('[Invalid Buffer] is invalid', 'GPUValidationError');
    expect(() => faults.check()).toThrowError(
      expect.objectContaining({
        code: 'out-of-memory',
        engine: 'webgpu',
        message: expect.stringContaining('(Buffer size (16) exceeds the max buffer size limit (8))'),
      }),
    );
    faults.check();
    fault('full', 'GPUOutOfMemoryError');
    expect(() => faults.check()).toThrowError(expect.objectContaining({ code: 'out-of-memory' }));
    fault('shader', 'GPUValidationError');
    expect(() => faults.check()).toThrowError(EngineError);
    lose({ message: 'gone' });
    await Promise.resolve();
    expect(() => faults.check()).toThrowError(/device was lost \(gone\)/);
    expect(() => faults.check()).toThrowError(/device was lost/);
  });
});

/** Also a GPU that a processor imitates: these few cases take seconds on it. */
const present =
  (await webgpuEngine.installed()) !== null &&
  (await webgpuEngine.load().then(
    () => true,
    () => false,
  ));

describe.skipIf(!present)('the kernels on webgpu', () => {
  let before = 0;
  beforeAll(async () => {
    await useEngine({ engine: 'webgpu' });
  });
  beforeEach(() => {
    before = tf.memory().numTensors;
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.engine().endScope();
    expect(tf.memory().numTensors).toBe(before);
  });

  const normal = <T extends tf.Tensor = tf.Tensor>(shape: number[], seed: number) =>
    tf.randomNormal(shape, 0, 1, 'float32', seed) as T;
  const numbers = async (tensor: tf.Tensor) => [...(await tensor.data())];
  const closeTo = async (actual: tf.Tensor, expected: tf.Tensor, tolerance = 2e-5) => {
    const [left, right] = [await actual.data(), await expected.data()];
    expect(left.length).toBe(right.length);
    right.forEach((value, index) =>
      expect(Math.abs(left[index]! - value)).toBeLessThan(tolerance * (1 + Math.abs(value))),
    );
  };

  it('let bad numbers through, where they belong and nowhere else', async () => {
    const bad = (fill: number) => tf.tensor2d([1, 2, 3, fill, 5, 6], [2, 3]);
    for (const activation of activationNames.filter((name) => name !== 'none')) {
      const values = await numbers(activate({ input: bad(NaN), activation }));
      expect(values.map(Number.isNaN)).toEqual([false, false, false, true, false, false]);
    }
    const rows = (tensor: tf.Tensor) =>
      numbers(tensor).then((values) => [values.slice(0, 3).some(Number.isNaN), values.slice(3).every(Number.isNaN)]);
    const ones = tf.ones([3]) as tf.Tensor1D;
    expect(await rows(layerNorm({ input: bad(NaN), scale: ones, bias: ones }))).toEqual([false, true]);
    expect(await rows(rmsNorm({ input: bad(Infinity), scale: ones }))).toEqual([false, false]);
    const labels = tf.tensor1d([0, 1], 'int32');
    for (const fill of [NaN, Infinity]) {
      const losses = await numbers(crossEntropy({ logits: bad(fill), labels }));
      expect(losses.map(Number.isFinite)).toEqual([true, false]);
    }
    // A logit of −∞ is a probability of 0.
    await closeTo(
      crossEntropy({ logits: bad(-Infinity), labels }),
      tf.tensor1d([Math.log(1 + Math.exp(1) + Math.exp(2)), Math.log(1 + Math.exp(1))]),
    );
    const sequence = (fill: number) => tf.tensor3d([1, 2, fill, 4], [2, 1, 2]);
    const attended = await numbers(attention({ query: sequence(3), key: sequence(NaN), value: sequence(3), heads: 1 }));
    expect(attended.map(Number.isNaN)).toEqual([false, false, true, true]);
    // What is masked is not looked at.
    const masked = tf.tensor3d([1, 2, NaN, NaN], [1, 2, 2]);
    expect(
      await numbers(
        attention({
          query: tf.ones([1, 1, 2]),
          key: masked,
          value: tf.tensor3d([1, 2, 3, 4], [1, 2, 2]),
          heads: 1,
          mask: tf.tensor2d([[1, 0]], [1, 2], 'int32'),
        }),
      ),
    ).toEqual([1, 2]);
  });

  it('give zeros and no gradient to queries that see no key', async () => {
    const [query, key, value] = [
      normal<tf.Tensor3D>([1, 4, 6], 1),
      normal<tf.Tensor3D>([1, 2, 6], 2),
      normal<tf.Tensor3D>([1, 2, 6], 3),
    ];
    const run = (query: tf.Tensor3D) => attention({ query, key, value, heads: 2, causal: true });
    expect((await numbers(run(query))).slice(0, 12)).toEqual(Array(12).fill(0));
    expect((await numbers(tf.grad((query) => tf.sum(run(query as tf.Tensor3D)))(query))).slice(0, 12)).toEqual(
      Array(12).fill(0),
    );
    expect(await numbers(attention({ query, key: tf.zeros([1, 0, 6]), value: tf.zeros([1, 0, 6]), heads: 2 }))).toEqual(
      Array(24).fill(0),
    );
  });

  it('attend with heads wider than the largest tiles', async () => {
    const [query, key, value] = [
      normal<tf.Tensor3D>([1, 5, 300], 1),
      normal<tf.Tensor3D>([1, 9, 300], 2),
      normal<tf.Tensor3D>([1, 9, 300], 3),
    ];
    const all = () =>
      tf.grads((query, key, value) =>
        tf.sum(
          tf.square(
            attention({ query: query as tf.Tensor3D, key: key as tf.Tensor3D, value: value as tf.Tensor3D, heads: 1 }),
          ),
        ),
      )([query, key, value]);
    const [fused, composed] = [all(), withoutFusedKernels(all)];
    for (const [index, gradient] of fused.entries()) await closeTo(gradient, composed[index]!, 1e-4);
  });

  it('take more workgroups than fit in a row', async () => {
    const input = tf.tile(tf.tensor2d([[3, 4]]), [65_540, 1]) as tf.Tensor2D;
    const output = rmsNorm({ input, scale: tf.ones([2]), epsilon: 0 });
    const last = tf.slice(output, [65_537, 0], [3, 2]);
    await closeTo(last, tf.tile(tf.tensor2d([[3 / Math.sqrt(12.5), 4 / Math.sqrt(12.5)]]), [3, 1]));
  });

  it('give the same bits each time', async () => {
    const table = normal<tf.Tensor2D>([5, 40], 1);
    const ids = tf.tensor1d(
      Array.from({ length: 200 }, (_, index) => (index * 7) % 5),
      'int32',
    );
    const upstream = normal([200, 40], 2);
    const scale = normal<tf.Tensor1D>([40], 3);
    const gradients = () =>
      tf.grads((table, scale) =>
        tf.sum(
          tf.mul(
            rmsNorm({
              input: embedding<tf.Tensor2D>({ table: table as tf.Tensor2D, ids }),
              scale: scale as tf.Tensor1D,
            }),
            upstream,
          ),
        ),
      )([table, scale]);
    const [first, second] = [gradients(), gradients()];
    for (const index of [0, 1]) expect(await numbers(first[index]!)).toEqual(await numbers(second[index]!));
  });

  it('write in place what was read before', async () => {
    const parameters = new Parameters();
    parameters.add({ name: 'weight', value: tf.tensor1d([1, 2]) });
    const optimizer = new AdamW({ parameters, learningRate: 0.5, weightDecay: 0 });
    const gradients = { weight: tf.tensor1d([1, -1]) };
    const shared = tf.clone(parameters.get('weight'));
    for (const expected of [
      [0.5, 2.5],
      [0, 3],
    ]) {
      optimizer.step({ gradients });
      // Reading leaves a copy on the host, which the next step must not leave behind.
      (await numbers(parameters.get('weight'))).forEach((value, index) =>
        expect(value).toBeCloseTo(expected[index]!, 5),
      );
    }
    expect(await numbers(shared)).toEqual([1, 2]);
    optimizer.dispose();
    parameters.dispose();

    const cache = new KeyValueCache({ layers: 1, batch: 1, capacity: 3, width: 2 });
    const append = (fill: number) =>
      cache.append({ layer: 0, key: tf.fill([1, 1, 2], fill), value: tf.fill([1, 1, 2], fill) });
    expect((await numbers(append(1).key)).slice(0, 2)).toEqual([1, 1]);
    expect((await numbers(append(2).value)).slice(0, 4)).toEqual([1, 1, 2, 2]);
    cache.dispose();
  });

  it('measure gradients of any size without waiting in a call', async () => {
    const tensors = [tf.fill([100_000], 0.5), tf.fill([3], 2), tf.zeros([0])];
    expect(await globalNormAsync(tensors)).toBeCloseTo(Math.sqrt(25_012), 3);
    expect(() => globalNorm(tensors)).toThrowError();
  });

  it('run on empty tensors', async () => {
    const empty = tf.zeros([0, 4]) as tf.Tensor2D;
    const [scale, bias] = [tf.ones([4]), tf.ones([4])] as [tf.Tensor1D, tf.Tensor1D];
    const [toScale, toBias] = tf.grads((scale, bias) =>
      layerNorm({ input: empty, scale: scale as tf.Tensor1D, bias: bias as tf.Tensor1D }),
    )([scale, bias], empty);
    expect([await numbers(toScale!), await numbers(toBias!)]).toEqual([
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(linear({ input: empty, weight: tf.ones([3, 4]), activation: 'gelu' }).shape).toEqual([0, 3]);
    expect(crossEntropy({ logits: empty, labels: tf.zeros([0], 'int32') }).shape).toEqual([0]);
  });

  it('say which tensor is larger than the adapter binds', () => {
    const backend = webgpuBackend();
    const small = Object.create(backend, {
      device: {
        value: Object.create(backend.device, {
          limits: { value: { maxStorageBufferBindingSize: 16, maxComputeWorkgroupsPerDimension: 65_535 } },
          addEventListener: { value: () => undefined },
          lost: { value: new Promise(() => undefined) },
        }),
      },
    }) as typeof backend;
    const run = shaderRunner(small);
    expect(() =>
      run({ name: 'double', body: 'y[0] = x[0];', inputs: { x: tf.ones([5]) }, outputs: { y: [1] }, groups: 1 }),
    ).toThrowError(TensorError);
    expect(() =>
      run({ name: 'double', body: 'y[0] = x[0];', inputs: { x: tf.ones([5]) }, outputs: { y: [1] }, groups: 1 }),
    ).toThrowError(/double: x takes 20 bytes, but this graphics adapter binds at most 16/);
  });

  it('throw where a tensor was too large for the device, and go on', async () => {
    const limit = (tf.backend() as unknown as { device: { limits: { maxBufferSize: number } } }).device.limits
      .maxBufferSize;
    const large = tf.ones([limit / 4 + 1]);
    await tf.slice(tf.add(large, tf.ones([1])) as tf.Tensor1D, [0], [1]).data();
    const input = tf.ones([2, 3]);
    expect(() => activate({ input, activation: 'silu' })).toThrowError(
      /^webgpu: the graphics adapter cannot hold a tensor/,
    );
    await closeTo(activate({ input, activation: 'relu' }), input);
  });
});
