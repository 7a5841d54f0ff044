import { describe, expect, it } from 'vitest';
import { attentionReference } from '../../../parity/reference';
import { Arena, expectClose, presentVariants } from './testing/arena';
import { expectGradients } from './testing/directional-derivative';

interface Shape {
  batch: number;
  queryTime: number;
  keyTime: number;
  heads: number;
  keyValueHeads: number;
  headWidth: number;
  causal: boolean;
  mask: 'none' | 'by key' | 'by query and key';
  scale?: number;
}

const shapes: Shape[] = [
  { batch: 1, queryTime: 1, keyTime: 1, heads: 1, keyValueHeads: 1, headWidth: 1, causal: true, mask: 'none' },
  { batch: 2, queryTime: 1, keyTime: 33, heads: 2, keyValueHeads: 1, headWidth: 8, causal: true, mask: 'by key' },
  {
    batch: 1,
    queryTime: 3,
    keyTime: 17,
    heads: 3,
    keyValueHeads: 3,
    headWidth: 7,
    causal: true,
    mask: 'by query and key',
  },
  { batch: 2, queryTime: 4, keyTime: 65, heads: 2, keyValueHeads: 2, headWidth: 16, causal: false, mask: 'none' },
  { batch: 2, queryTime: 7, keyTime: 7, heads: 2, keyValueHeads: 2, headWidth: 5, causal: false, mask: 'by key' },
  { batch: 1, queryTime: 17, keyTime: 17, heads: 2, keyValueHeads: 1, headWidth: 8, causal: true, mask: 'none' },
  { batch: 1, queryTime: 33, keyTime: 65, heads: 4, keyValueHeads: 2, headWidth: 6, causal: true, mask: 'by key' },
  {
    batch: 2,
    queryTime: 45,
    keyTime: 45,
    heads: 2,
    keyValueHeads: 2,
    headWidth: 16,
    causal: true,
    mask: 'by query and key',
  },
  { batch: 1, queryTime: 67, keyTime: 67, heads: 1, keyValueHeads: 1, headWidth: 33, causal: true, mask: 'none' },
  { batch: 1, queryTime: 50, keyTime: 21, heads: 2, keyValueHeads: 1, headWidth: 8, causal: true, mask: 'none' },
  { batch: 1, queryTime: 9, keyTime: 130, heads: 1, keyValueHeads: 1, headWidth: 64, causal: false, mask: 'none' },
  {
    batch: 1,
    queryTime: 9,
    keyTime: 12,
    heads: 1,
    keyValueHeads: 1,
    headWidth: 4,
    causal: true,
    mask: 'by key',
    scale: -0.5,
  },
  {
    batch: 1,
    queryTime: 9,
    keyTime: 12,
    heads: 1,
    keyValueHeads: 1,
    headWidth: 4,
    causal: true,
    mask: 'by key',
    scale: 0,
  },
];

function prepare(arena: Arena, shape: Shape, capacity = shape.keyTime) {
  const { batch, queryTime, keyTime, heads, keyValueHeads, headWidth } = shape;
  const scale = shape.scale ?? 1 / Math.sqrt(headWidth);
  const query = arena.normal(batch * queryTime * heads * headWidth);
  const key = arena.normal(batch * capacity * keyValueHeads * headWidth);
  const value = arena.normal(batch * capacity * keyValueHeads * headWidth);
  const maskKind = { none: 0, 'by key': 1, 'by query and key': 2 }[shape.mask];
  const maskValues = Array.from({ length: batch * (maskKind === 2 ? queryTime : 1) * keyTime }, () =>
    Number(arena.random.uniform() < 0.7),
  );
  const mask = arena.integers(maskValues);
  const output = arena.empty(batch * queryTime * heads * headWidth);
  const logSumExp = arena.empty(batch * heads * queryTime);
  const scratch = arena.scratch(arena.kernels.attentionScratchBytes(keyTime, headWidth));
  arena.kernels.attentionForward(
    batch,
    queryTime,
    keyTime,
    capacity,
    heads,
    keyValueHeads,
    headWidth,
    query.address,
    key.address,
    value.address,
    maskKind,
    mask.address,
    shape.causal,
    scale,
    output.address,
    logSumExp.address,
    scratch,
  );
  const reference = (inputs: Record<string, Float64Array>) =>
    attentionReference({
      query: inputs.query!,
      key: inputs.key!,
      value: inputs.value!,
      ...(maskKind ? { mask: Float64Array.from(maskValues) } : {}),
      batch,
      queryTime,
      keyTime,
      heads,
      keyValueHeads,
      headWidth,
      causal: shape.causal,
      scale: Math.fround(scale),
      maskPerQuery: maskKind === 2,
    });
  return { query, key, value, mask, maskKind, output, logSumExp, scratch, scale, reference };
}

describe.each(presentVariants)('attention, %s', async (variant) => {
  const arena = await Arena.create(variant);

  it.each(shapes)(
    'forward and backward: $batch × $queryTime queries, $keyTime keys, $heads/$keyValueHeads heads of $headWidth, causal $causal, mask $mask',
    (shape) => {
      arena.reset();
      const { batch, queryTime, keyTime, heads, keyValueHeads, headWidth, causal } = shape;
      const { query, key, value, mask, maskKind, output, logSumExp, scratch, scale, reference } = prepare(arena, shape);
      const inputs = { query: query.read(), key: key.read(), value: value.read() };
      expectClose(output.read(), reference(inputs), 2e-6, 'output');
      arena.check();

      const gradient = arena.normal(output.read().length);
      const [queryGradient, keyGradient, valueGradient] = [
        arena.empty(inputs.query.length),
        arena.empty(inputs.key.length),
        arena.empty(inputs.value.length),
      ];
      arena.kernels.attentionBackward(
        batch,
        queryTime,
        keyTime,
        heads,
        keyValueHeads,
        headWidth,
        gradient.address,
        query.address,
        key.address,
        value.address,
        output.address,
        logSumExp.address,
        maskKind,
        mask.address,
        causal,
        scale,
        queryGradient.address,
        keyGradient.address,
        valueGradient.address,
        scratch,
      );
      expectGradients({
        reference,
        inputs,
        weights: gradient.read(),
        random: arena.random,
        gradients: { query: queryGradient.read(), key: keyGradient.read(), value: valueGradient.read() },
      });
      arena.check();
    },
  );

  it.each([1, 6])('reads only the first rows of a longer buffer, %i queries', (queryTime) => {
    arena.reset();
    const shape: Shape = {
      batch: 2,
      queryTime,
      keyTime: 9,
      heads: 2,
      keyValueHeads: 2,
      headWidth: 4,
      causal: true,
      mask: 'none',
    };
    const capacity = 13;
    const { query, key, value, output, reference } = prepare(arena, shape, capacity);
    const used = (rows: Float64Array) =>
      Float64Array.from(
        [0, 1].flatMap((example) => [...rows.subarray(example * capacity * 8, (example * capacity + 9) * 8)]),
      );
    expectClose(
      output.read(),
      reference({ query: query.read(), key: used(key.read()), value: used(value.read()) }),
      2e-6,
    );
  });

  it('gives zeros, and no gradient, to a query that may see nothing', () => {
    arena.reset();
    const shape: Shape = {
      batch: 1,
      queryTime: 8,
      keyTime: 5,
      heads: 1,
      keyValueHeads: 1,
      headWidth: 4,
      causal: true,
      mask: 'none',
    };
    const { query, key, value, output, logSumExp, scratch, scale } = prepare(arena, shape);
    expect([...output.read().subarray(0, 12)]).toEqual(Array(12).fill(0));
    expect([...logSumExp.read().subarray(0, 3)]).toEqual(Array(3).fill(-Infinity));
    const gradients = [arena.empty(32), arena.empty(20), arena.empty(20)] as const;
    const gradient = arena.normal(32);
    arena.kernels.attentionBackward(
      1,
      8,
      5,
      1,
      1,
      4,
      gradient.address,
      query.address,
      key.address,
      value.address,
      output.address,
      logSumExp.address,
      0,
      0,
      true,
      scale,
      gradients[0].address,
      gradients[1].address,
      gradients[2].address,
      scratch,
    );
    expect([...gradients[0].read().subarray(0, 12)]).toEqual(Array(12).fill(0));
    for (const block of gradients) {
      expect([...block.read()].every(Number.isFinite)).toBe(true);
    }
  });

  it('shows a NaN in every row that sees it, and in no other', () => {
    arena.reset();
    const [time, width] = [40, 8];
    const query = arena.normal(time * width);
    const keys = Array.from({ length: time * width }, () => arena.random.normal());
    keys[25 * width] = NaN;
    const key = arena.floats(keys);
    const value = arena.normal(time * width);
    const output = arena.empty(time * width);
    const logSumExp = arena.empty(time);
    arena.kernels.attentionForward(
      1,
      time,
      time,
      time,
      1,
      1,
      width,
      query.address,
      key.address,
      value.address,
      0,
      0,
      true,
      0.3,
      output.address,
      logSumExp.address,
      arena.scratch(arena.kernels.attentionScratchBytes(time, width)),
    );
    const seesNaN = Array.from({ length: time }, (_, row) =>
      output
        .read()
        .subarray(row * width, (row + 1) * width)
        .some(Number.isNaN),
    );
    expect(seesNaN).toEqual(Array.from({ length: time }, (_, row) => row >= 25));
  });

  it('bears large scores', () => {
    arena.reset();
    const query = arena.floats([1e4, 0]);
    const key = arena.floats([1e4, 0, -1e4, 0, 1e4, 1]);
    const value = arena.floats([1, 2, 3, 4, 5, 6]);
    const output = arena.empty(2);
    const logSumExp = arena.empty(1);
    arena.kernels.attentionForward(
      1,
      1,
      3,
      3,
      1,
      1,
      2,
      query.address,
      key.address,
      value.address,
      0,
      0,
      false,
      1,
      output.address,
      logSumExp.address,
      arena.scratch(arena.kernels.attentionScratchBytes(3, 2)),
    );
    expectClose(output.read(), [3, 4], 1e-6);
  });
});
