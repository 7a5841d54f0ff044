import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { useEngine } from '../engines/use-engine';
import { OperationError, TensorError } from '../errors';
import type {
  AttentionKernel,
  DecoderBlockKernel,
  FusedKernels,
  TransformerBlockKernel,
  TransformerBlockParts,
} from '../kernels/kernels';
import { fusedKernels, registerFusedKernels } from '../kernels/registry';
import { KeyValueCache } from '../state/key-value-cache';
import { tf } from '../tensorflow';
import { attention } from './attention';
import { decoderBlock } from './decoder-block';
import { transformerBlock } from './transformer-block';

/** Stand for kernels that read memory by shapes: to be called with the wrong ones would be the fault. */
const decoderKernel = vi.fn<DecoderBlockKernel['forward']>(({ input }) => tf.clone(input));
const blockKernel = vi.fn<TransformerBlockKernel['forward']>(({ input }) => ({
  output: tf.clone(input),
  values: [],
}));
const cacheWrite = vi.fn<NonNullable<FusedKernels['cacheWrite']>>();

let before = 0;
let real: FusedKernels;
beforeAll(async () => {
  await useEngine({ engine: 'cpu' });
  real = fusedKernels();
  registerFusedKernels({
    backend: 'cpu',
    kernels: {
      decoderBlock: { forward: decoderKernel },
      transformerBlock: { forward: blockKernel, backward: () => [] },
      cacheWrite,
    },
  });
});
afterAll(() => registerFusedKernels({ backend: 'cpu', kernels: real }));
beforeEach(() => {
  vi.clearAllMocks();
  before = tf.memory().numTensors;
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
  expect(tf.memory().numTensors).toBe(before);
});

const floats = (...shape: number[]) => tf.ones(shape) as never;
const integers = (...shape: number[]) => tf.ones(shape, 'int32') as never;
const layer = (from: number, to: number) => ({ weight: floats(to, from), bias: null, layout: 'out-in' as const });

/** Llama's: width 8, four heads of 4 and two of keys. */
const block = (changes: Partial<TransformerBlockParts> = {}): TransformerBlockParts => ({
  input: floats(2, 3, 8),
  attentionNorm: { scale: floats(8), bias: null, epsilon: 1e-5 },
  projections: { query: layer(8, 16), key: layer(8, 8), value: layer(8, 8) },
  output: layer(16, 8),
  feedForwardNorm: { scale: floats(8), bias: null, epsilon: 1e-5 },
  gate: layer(8, 12),
  up: layer(8, 12),
  down: layer(12, 8),
  activation: 'silu',
  heads: 4,
  keyValueHeads: 2,
  causal: true,
  scale: 0.5,
  rotary: { cos: floats(1, 3, 2), sin: floats(1, 3, 2) },
  ...changes,
});

/** Parts that no kernel may see, by what is said of them. */
const misfits: [expected: RegExp, parts: () => TransformerBlockParts][] = [
  [/input must be \[batch, time, width\], got \[6, 8\]/, () => block({ input: floats(6, 8) })],
  [/input must be float32, got int32/, () => block({ input: integers(2, 3, 8) })],
  [/layer 0 must lead from 9 to 16/, () => block({ input: floats(2, 3, 9) })],
  [
    /layer 1 must lead from 8 to 8/,
    () => block({ projections: { query: layer(8, 16), key: layer(8, 16), value: layer(8, 8) } }),
  ],
  [/layer 2 is missing/, () => block({ projections: { query: layer(8, 16), key: layer(8, 8), value: null as never } })],
  [/layer 0 must lead from 8 to 32/, () => block({ projections: { packed: layer(8, 16) }, rotary: null })],
  [/layer 6 must lead from 12 to 8.*and a bias \[9\]/, () => block({ down: { ...layer(12, 8), bias: floats(9) } })],
  [/weight 15 must be float32, got int32/, () => block({ up: { ...layer(8, 12), weight: integers(12, 8) } })],
  [
    /norms must have 8 numbers, got \[7\]/,
    () => block({ attentionNorm: { scale: floats(7), bias: null, epsilon: 0 } }),
  ],
  [/epsilon must not be negative/, () => block({ feedForwardNorm: { scale: floats(8), bias: null, epsilon: NaN } })],
  [/-4 heads and -2/, () => block({ heads: -4, keyValueHeads: -2 })],
  [/0.5 heads/, () => block({ heads: 0.5, keyValueHeads: 0.5 })],
  [/activation must be one of/, () => block({ activation: 'swish' as never })],
  [
    /sin must be \[batch or 1, 3, 2\].*got \[1, 3, 2\]/,
    () => block({ rotary: { cos: floats(2, 3, 2), sin: floats(1, 3, 2) } }),
  ],
  [
    /cos must be \[batch or 1, 3, 2\].*got \[3, 3, 2\]/,
    () => block({ rotary: { cos: floats(3, 3, 2), sin: floats(3, 3, 2) } }),
  ],
];

describe.each([
  [
    'decoderBlock',
    decoderKernel,
    (parts: TransformerBlockParts) =>
      decoderBlock({
        ...parts,
        mask: null,
        reserve: () => ({ key: tf.variable(floats(2, 9, 8)), value: tf.variable(floats(2, 9, 8)), offset: 0 }),
      }),
  ],
  ['transformerBlock', blockKernel, (parts: TransformerBlockParts) => transformerBlock({ ...parts, mask: null })],
] as const)('%s', (name, kernel, run) => {
  it.each(misfits)('lets no kernel see a block of which is said: %s', (expected, parts) => {
    expect(() => run(parts())).toThrowError(expected);
    expect(() => run(parts())).toThrowError(OperationError);
    expect(() => run(parts())).toThrowError(new RegExp(`^${name}: `));
    expect(kernel).not.toHaveBeenCalled();
  });
});

describe('a block that no kernel computes whole', () => {
  it.each([
    ['a soft cap', { softCap: 30 }],
    [
      'rotary positions over a part of each head',
      { rotaryDimensions: 2, rotary: { cos: floats(1, 3, 1), sin: floats(1, 3, 1) } },
    ],
    ['rotary positions in pairs side by side', { rotaryLayout: 'interleaved' as const }],
  ])('is declined: one with %s', (_, changes) => {
    const reserve = vi.fn();
    expect(decoderBlock({ ...block(changes), mask: null, reserve })).toBeNull();
    expect(transformerBlock({ ...block(changes), mask: null })).toBeNull();
    for (const called of [reserve, decoderKernel, blockKernel]) expect(called).not.toHaveBeenCalled();
  });
});

describe('decoderBlock over a cache', () => {
  it('gives its kernel a window as a mask, and none where the window holds all keys', () => {
    const cache = cacheOf();
    const parts = block({ window: 4 });
    over(cache, { parts });
    expect(decoderKernel.mock.lastCall![0].mask).toBeNull();
    let seen: number[] = [];
    decoderKernel.mockImplementationOnce(({ input, mask }) => {
      seen = [...mask!.dataSync()];
      return tf.clone(input);
    });
    const mask = tf.tensor2d([0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1], [2, 6], 'int32');
    over(cache, { parts, mask });
    // The queries are at the places 3, 4 and 5; what each sees beyond its own is for causal to hide.
    const rows = [
      [0, 0, 0, 1, 1, 1],
      [0, 0, 0, 1, 1, 1],
      [0, 0, 0, 1, 1, 1],
      [1, 1, 1, 1, 1, 1],
      [0, 1, 1, 1, 1, 1],
      [0, 0, 1, 1, 1, 1],
    ];
    expect(seen).toEqual(rows.flat());
    cache.dispose();
  });

  const over = (
    cache: KeyValueCache,
    { parts = block(), mask = null }: { parts?: TransformerBlockParts; mask?: tf.Tensor | null } = {},
  ) => decoderBlock({ ...parts, mask, reserve: (options) => cache.reserve({ layer: 0, ...options }) });
  const cacheOf = (changes: object = {}) =>
    new KeyValueCache({ layers: 1, batch: 2, capacity: 40, width: 8, ...changes });

  it('hands its kernel buffers with room for what is written', () => {
    const cache = cacheOf();
    for (const [call, offset] of [
      [0, 0],
      [1, 3],
    ] as const) {
      expect(over(cache, { mask: integers(2, offset + 3) })?.shape).toEqual([2, 3, 8]);
      const handed = decoderKernel.mock.calls[call]![0];
      expect(handed.cache.offset).toBe(offset);
      expect(handed.cache.key.shape[1]).toBeGreaterThanOrEqual(offset + 3);
    }
    // Room grows with what is held, up to the capacity.
    const long = block({ input: floats(2, 34, 8), rotary: null });
    over(cache, { parts: long });
    expect(decoderKernel.mock.calls[2]![0].cache.key.shape).toEqual([2, 40, 8]);
    expect(() => over(cache)).toThrowError(/43 positions exceed the capacity of 40/);
    expect(decoderKernel).toHaveBeenCalledTimes(3);
    cache.dispose();
  });

  it.each([
    ['another batch', { batch: 5 }, {}, /must be \[5, time, 8\], got \[2, 3, 8\]/],
    ['another width', { width: 6 }, {}, /must be \[2, time, 6\], got \[2, 3, 8\]/],
    ['too few positions', { capacity: 2 }, {}, /3 positions exceed the capacity of 2/],
    ['a mask of fewer keys', {}, { mask: [2, 2] }, /mask must be int32 \[2, 3\] or \[2, 3, 3\]/],
    ['a mask of fewer rows', {}, { mask: [1, 3] }, /mask must be int32/],
  ])('refuses %s', (_, changes, { mask }: { mask?: number[] }, expected) => {
    const cache = cacheOf(changes);
    expect(() => over(cache, { mask: mask ? integers(...mask) : null })).toThrowError(expected);
    expect(decoderKernel).not.toHaveBeenCalled();
    cache.dispose();
  });

  it('refuses buffers that are not those of the block, whoever gives them', () => {
    const give = (key: number[], value: number[], offset = 0) =>
      decoderBlock({
        ...block(),
        mask: null,
        reserve: () => ({ key: tf.variable(floats(...key)), value: tf.variable(floats(...value)), offset }),
      });
    for (const wrong of [
      () => give([1, 9, 8], [1, 9, 8]),
      () => give([2, 9, 8], [2, 4, 8]),
      () => give([2, 9, 8], [2, 9, 8], 7),
      () => give([2, 9, 8], [2, 9, 8], -1),
      () => give([2, 9, 8], [2, 9, 8], 0.5),
    ]) {
      expect(wrong).toThrowError(OperationError);
    }
    expect(decoderKernel).not.toHaveBeenCalled();
    tf.disposeVariables();
  });

  it('is not used while gradients are recorded', () => {
    const cache = cacheOf();
    let given: unknown;
    tf.engine().gradients(
      () => {
        given = over(cache);
        return tf.sum(floats(1)) as tf.Scalar;
      },
      [floats(1)],
      undefined,
      true,
    );
    expect(given).toBeNull();
    cache.dispose();
  });
});

describe('a cache written in place', () => {
  it('checks before its kernel writes', () => {
    const cache = new KeyValueCache({ layers: 1, batch: 2, capacity: 3, width: 4 });
    const rows = tf.ones<tf.Rank.R3>([2, 2, 4]);
    for (const wrong of [
      () => cache.append({ layer: 0, key: rows, value: tf.ones([2, 1, 4]) }),
      () => cache.append({ layer: 0, key: tf.ones([2, 4]) as never, value: rows }),
      () => cache.append({ layer: 0, key: rows, value: tf.ones([2, 2, 4], 'int32') }),
      () => cache.append({ layer: 0, key: tf.ones([2, 4, 4]), value: tf.ones([2, 4, 4]) }),
      () => cache.append({ layer: 0, key: rows, value: rows, from: 1 }),
      () => cache.append({ layer: 0.5, key: rows, value: rows }),
      () => cache.reserve({ layer: 0, batch: 2, time: -1, width: 4 }),
      () => cache.reserve({ layer: 0, batch: 2, time: 1.5, width: 4 }),
      () => cache.reserve({ layer: 1, batch: 2, time: 1, width: 4 }),
    ]) {
      expect(wrong).toThrowError(TensorError);
    }
    expect(cacheWrite).not.toHaveBeenCalled();
    expect(cache.length).toBe(0);
    cache.dispose();
  });

  it('takes memory as it is filled, not for all its capacity', () => {
    const cache = new KeyValueCache({ layers: 2, batch: 1, capacity: 1e9, width: 4 });
    const rows = tf.ones<tf.Rank.R3>([1, 1, 4]);
    const bytes = tf.memory().numBytes;
    for (const layer of [0, 1]) cache.append({ layer, key: rows, value: rows });
    expect(tf.memory().numBytes - bytes).toBeLessThan(10_000);
    cache.dispose();
  });
});

describe('a kernel that supports some calls', () => {
  const inputs = (names: object) => {
    const input = tf.randomNormal([1, 5, 4], 0, 1, 'float32', 1) as tf.Tensor3D;
    return { query: input, key: input, value: input, heads: 2, causal: true, ...names };
  };
  const slope = (options: object) =>
    tf.grad((query) => tf.sum(tf.square(attention({ ...inputs(options), query: query as tf.Tensor3D }))))(
      inputs({}).query,
    );
  const kernelOf = (supports?: AttentionKernel['supports']) => {
    const kernel = {
      ...(supports && { supports }),
      forward: vi.fn<AttentionKernel['forward']>(({ query }) => ({ output: tf.clone(query), kept: [tf.scalar(7)] })),
      backward: vi.fn<AttentionKernel['backward']>(({ gradient }) => ({
        query: gradient,
        key: gradient,
        value: gradient,
      })),
    };
    registerFusedKernels({ backend: 'cpu', kernels: { attention: kernel } });
    return kernel;
  };
  afterEach(() => registerFusedKernels({ backend: 'cpu', kernels: real }));

  it('computes them; the others are composed, forward and backward', () => {
    registerFusedKernels({ backend: 'cpu', kernels: {} });
    const composed = [...slope({ scale: 0.3 }).dataSync()];
    const kernel = kernelOf(({ scale }) => scale === 2);
    expect([...slope({ scale: 0.3 }).dataSync()]).toEqual(composed);
    expect(kernel.forward).not.toHaveBeenCalled();
    expect(kernel.backward).not.toHaveBeenCalled();
    slope({ scale: 2 });
    expect(kernel.forward).toHaveBeenCalledOnce();
    // What the forward pass kept is what the backward pass gets.
    expect(kernel.backward.mock.lastCall![0].kept.map((tensor) => tensor.shape)).toEqual([[]]);
  });

  it('is not asked for a soft cap unless it says that it has one, and gets a window as a mask unless it has one', () => {
    const plain = kernelOf();
    attention(inputs({ softCap: 5 }));
    expect(plain.forward).not.toHaveBeenCalled();
    slope({ window: 2 });
    expect(plain.forward.mock.lastCall![0]).toMatchObject({ window: null, mask: { shape: [1, 5, 5] } });
    expect(plain.backward.mock.lastCall![0]).toMatchObject({ window: null, mask: { shape: [1, 5, 5] } });
    const able = kernelOf(() => true);
    slope({ window: 2, softCap: 5 });
    expect(able.forward.mock.lastCall![0]).toMatchObject({ window: 2, softCap: 5, mask: null });
    expect(able.backward.mock.lastCall![0]).toMatchObject({ window: 2, softCap: 5, mask: null });
  });
});
