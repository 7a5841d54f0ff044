import { beforeAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  activate,
  attention,
  crossEntropy,
  embedding,
  gatedActivation,
  gatherRows,
  layerNorm,
  linear,
  OperationError,
  rmsNorm,
  rotary,
  softCap,
  scatterRows,
  tf,
  useEngine,
  withoutFusedKernels,
} from '../index';

let before = 0;
beforeAll(async () => {
  await useEngine({ engine: 'cpu' });
});
beforeEach(() => {
  before = tf.memory().numTensors;
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
  expect(tf.memory().numTensors).toBe(before);
});

const floats = (...shape: number[]) => tf.ones(shape) as never;
const integers = (...shape: number[]) => tf.zeros(shape, 'int32') as never;

describe('an operation given tensors that do not fit', () => {
  const cases: [expected: RegExp, call: () => unknown][] = [
    [
      /^linear: the last axis of input \[2, 3\] must be 4, to fit weight \[5, 4\] laid out 'out-in'/,
      () => linear({ input: floats(2, 3), weight: floats(5, 4) }),
    ],
    [
      /^linear: the last axis of input \[2, 4\] must be 5.*'in-out'/,
      () => linear({ input: floats(2, 4), weight: floats(5, 4), layout: 'in-out' }),
    ],
    [
      /^linear: bias must be \[5\] \(one for each output\), got \[4\]/,
      () => linear({ input: floats(2, 4), weight: floats(5, 4), bias: floats(4) }),
    ],
    [
      /^linear: activation must be one of none, gelu/,
      () => linear({ input: floats(2, 4), weight: floats(5, 4), activation: 'swish' as never }),
    ],
    [/^linear: layout must be/, () => linear({ input: floats(2, 4), weight: floats(5, 4), layout: 'rows' as never })],
    [/^linear: weight must be \[out, in\], got \[4\]/, () => linear({ input: floats(2, 4), weight: floats(4) })],
    [
      /^linear: input must be float32, got int32 \[2, 4\]/,
      () => linear({ input: integers(2, 4), weight: floats(5, 4) }),
    ],
    [/^linear: weight must be a tensor, got undefined/, () => linear({ input: floats(2, 4) } as never)],
    [
      /^attention: heads must divide the width of query \[1, 2, 6\], got 4/,
      () => attention({ query: floats(1, 2, 6), key: floats(1, 2, 6), value: floats(1, 2, 6), heads: 4 }),
    ],
    [
      /^attention: heads must divide the width of query \[1, 2, 0\], got 4/,
      () => attention({ query: floats(1, 2, 0), key: floats(1, 2, 0), value: floats(1, 2, 0), heads: 4 }),
    ],
    [
      /^attention: keyValueHeads must divide heads 3, got 2/,
      () =>
        attention({ query: floats(1, 2, 6), key: floats(1, 2, 6), value: floats(1, 2, 6), heads: 3, keyValueHeads: 2 }),
    ],
    [
      /^attention: key must be \[1, 4, 3\]/,
      () =>
        attention({ query: floats(1, 2, 6), key: floats(1, 4, 6), value: floats(1, 4, 6), heads: 2, keyValueHeads: 1 }),
    ],
    [
      /^attention: value must be/,
      () => attention({ query: floats(1, 2, 6), key: floats(1, 4, 6), value: floats(1, 5, 6), heads: 2 }),
    ],
    [
      /^attention: mask must be \[1, 4\] \(batch, keyTime\), got \[1, 3\]/,
      () =>
        attention({
          query: floats(1, 2, 6),
          key: floats(1, 4, 6),
          value: floats(1, 4, 6),
          heads: 2,
          mask: integers(1, 3),
        }),
    ],
    [
      /^attention: mask must be \[1, 2, 4\]/,
      () =>
        attention({
          query: floats(1, 2, 6),
          key: floats(1, 4, 6),
          value: floats(1, 4, 6),
          heads: 2,
          mask: integers(1, 4, 4),
        }),
    ],
    ...(
      [
        [/^attention: softCap must be above 0, got 0/, { softCap: 0 }],
        [/^attention: window must be a positive whole number, got 1.5/, { window: 1.5, causal: true }],
        [/^attention: window reaches back from the query; it needs causal: true/, { window: 2 }],
      ] as const
    ).map(([expected, options]): [RegExp, () => unknown] => [
      expected,
      () => attention({ query: floats(1, 2, 6), key: floats(1, 4, 6), value: floats(1, 4, 6), heads: 2, ...options }),
    ]),
    ...(
      [
        [/^rotary: dimensions must be even, from 2 to the head width 6, got 8/, { dimensions: 8 }],
        [/^rotary: dimensions must be even.*got 3/, { dimensions: 3 }],
        [/^rotary: cos must be \[1, 2, 2\]/, { dimensions: 4 }],
        [/^rotary: layout must be 'halves' or 'interleaved', got pairs/, { layout: 'pairs' as never }],
      ] as const
    ).map(([expected, options]): [RegExp, () => unknown] => [
      expected,
      () => rotary({ input: floats(1, 2, 6), heads: 1, cos: floats(1, 2, 3), sin: floats(1, 2, 3), ...options }),
    ]),
    [/^softCap: cap must be a number above 0, got -1/, () => softCap({ input: floats(2), cap: -1 })],
    [
      /^attention: mask must be int32, got float32/,
      () =>
        attention({
          query: floats(1, 2, 6),
          key: floats(1, 4, 6),
          value: floats(1, 4, 6),
          heads: 2,
          mask: floats(1, 4),
        }),
    ],
    [
      /^attention: keyTime must lie between 0 and 4, got 5/,
      () => attention({ query: floats(1, 2, 6), key: floats(1, 4, 6), value: floats(1, 4, 6), heads: 2, keyTime: 5 }),
    ],
    [/^layerNorm: bias must be \[4\]/, () => layerNorm({ input: floats(2, 4), scale: floats(4), bias: floats(3) })],
    [
      /^rmsNorm: scale must be \[4\] \(the last axis of input \[2, 4\]\), got \[5\]/,
      () => rmsNorm({ input: floats(2, 4), scale: floats(5) }),
    ],
    [/^rmsNorm: epsilon must not be negative/, () => rmsNorm({ input: floats(2, 4), scale: floats(4), epsilon: -1 })],
    [
      /^rotary: heads must divide the width of input \[1, 2, 6\] into even parts, got 2/,
      () => rotary({ input: floats(1, 2, 6), heads: 2, cos: floats(1, 2, 1), sin: floats(1, 2, 1) }),
    ],
    [
      /^rotary: cos must be \[2, 2, 2\] \(\[batch or 1, time, dimensions \/ 2\]\), got \[3, 2, 2\]/,
      () => rotary({ input: floats(2, 2, 4), heads: 1, cos: floats(3, 2, 2), sin: floats(3, 2, 2) }),
    ],
    [
      /^gatedActivation: up must be \[2, 3\] \(as gate\), got \[3, 2\]/,
      () => gatedActivation({ gate: floats(2, 3), up: floats(3, 2), activation: 'silu' }),
    ],
    [/^activate: activation must be one of/, () => activate({ input: floats(2), activation: 'x' as never })],
    [/^embedding: ids must be int32/, () => embedding({ table: floats(2, 3), ids: floats(4) })],
    [
      /^embedding: table must be \[vocabulary, width\], got \[3\]/,
      () => embedding({ table: floats(3), ids: integers(4) }),
    ],
    [
      /^crossEntropy: labels must be \[2\] \(one for each row of logits\), got \[3\]/,
      () => crossEntropy({ logits: floats(2, 5), labels: integers(3) }),
    ],
    [
      /^gatherRows: indices\[1\] is 2, but input has rows 0 to 1/,
      () => gatherRows({ input: floats(2, 3), indices: [0, 2] }),
    ],
    [
      /^scatterRows: row 1 occurs twice in indices \(again at 2\)/,
      () => scatterRows({ input: floats(3, 2), indices: [1, 0, 1], updates: floats(3, 2) }),
    ],
    [
      /^scatterRows: updates must be \[2, 2\]/,
      () => scatterRows({ input: floats(3, 2), indices: [1, 0], updates: floats(3, 2) }),
    ],
    [
      /^scatterRows: indices\[0\] is -1/,
      () => scatterRows({ input: floats(3, 2), indices: [-1], updates: floats(1, 2) }),
    ],
  ];

  it.each(cases)('says %s', (expected, call) => {
    expect(call).toThrowError(expected);
    expect(call).toThrowError(OperationError);
  });

  it('names a disposed tensor', () => {
    const input = tf.ones([2, 4]);
    input.dispose();
    expect(() => linear({ input, weight: floats(5, 4) })).toThrowError(/^linear: input \[2, 4\] is disposed/);
  });
});

describe('attention over a cache buffer', () => {
  it('reads only the rows that keyTime names', () => {
    const query = tf.randomNormal([2, 1, 8], 0, 1, 'float32', 1) as never;
    const buffer = tf.randomNormal([2, 6, 8], 0, 1, 'float32', 2) as tf.Tensor3D;
    const rows = tf.slice(buffer, [0, 0, 0], [2, 4, 8]);
    const whole = attention({ query, key: rows, value: rows, heads: 2 });
    const prefix = attention({ query, key: buffer, value: buffer, heads: 2, keyTime: 4 });
    expect([...prefix.dataSync()]).toEqual([...whole.dataSync()]);
  });

  it('has no gradient', () => {
    const buffer = floats(1, 3, 4);
    expect(() =>
      tf.grad((query) =>
        tf.sum(attention({ query: query as never, key: buffer, value: buffer, heads: 1, keyTime: 2 })),
      )(floats(1, 1, 4)),
    ).toThrowError(/keyTime cannot be used while gradients are recorded/);
  });

  it('takes a boolean mask', () => {
    const input = tf.randomNormal([1, 3, 4]) as never;
    const shared = { query: input, key: input, value: input, heads: 1 };
    const masked = attention({ ...shared, mask: tf.tensor2d([[true, false, true]], [1, 3], 'bool') });
    const expected = attention({ ...shared, mask: tf.tensor2d([[1, 0, 1]], [1, 3], 'int32') });
    expect([...masked.dataSync()]).toEqual([...expected.dataSync()]);
  });
});

describe('gradients that nothing asks for', () => {
  it('are not computed: a frozen weight costs no product', () => {
    const input = tf.ones([8, 4]) as tf.Tensor2D;
    const weight = tf.ones([5, 4]) as tf.Tensor2D;
    const products = (by: tf.Tensor[]) => {
      const { kernelNames } = profile(() => tf.engine().gradients(() => tf.sum(linear({ input, weight })), by));
      return kernelNames.filter((name) => name === 'BatchMatMul').length;
    };
    withoutFusedKernels(() => {
      expect(products([input, weight])).toBe(3);
      expect(products([input])).toBe(2);
      expect(products([weight])).toBe(2);
    });
  });
});

/** The kernels that a computation runs. */
function profile(compute: () => unknown): { kernelNames: string[] } {
  const engine = tf.engine() as unknown as {
    state: { profiling: boolean; activeProfile: { kernels: { name: string }[] } };
  };
  const names: string[] = [];
  const original = tf.engine().runKernel;
  tf.engine().runKernel = function (this: unknown, name: string, ...rest: unknown[]) {
    names.push(name);
    return (original as unknown as (...all: unknown[]) => unknown).call(engine, name, ...rest);
  } as never;
  try {
    compute();
  } finally {
    tf.engine().runKernel = original;
  }
  return { kernelNames: names };
}
