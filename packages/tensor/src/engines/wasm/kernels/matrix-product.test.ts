import { describe, expect, it } from 'vitest';
import { Arena, expectClose, presentVariants } from './testing/arena';

interface Product {
  rows: number;
  columns: number;
  depth: number;
  transposeA: boolean;
  transposeB: boolean;
}

/** `initial + op(a) · op(b)` in float64, and Σ |a · b| for the tolerance. */
function reference(
  { rows, columns, depth, transposeA, transposeB }: Product,
  a: Float64Array,
  b: Float64Array,
  initial: (row: number, column: number) => number,
) {
  const value = new Float64Array(rows * columns);
  const size = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = initial(row, column);
      let absolute = Math.abs(sum);
      for (let k = 0; k < depth; k++) {
        const product =
          a[transposeA ? k * rows + row : row * depth + k]! *
          b[transposeB ? column * depth + k : k * columns + column]!;
        sum += product;
        absolute += Math.abs(product);
      }
      value[row * columns + column] = sum;
      size[row * columns + column] = absolute;
    }
  }
  return { value, size };
}

function multiply(arena: Arena, product: Product, start: 'zeros' | 'bias' | 'itself'): void {
  const { rows, columns, depth, transposeA, transposeB } = product;
  arena.reset();
  const a = arena.normal(rows * depth);
  const b = arena.normal(depth * columns);
  const bias = arena.normal(columns);
  const c = arena.normal(rows * columns);
  const before = c.read();
  const biases = bias.read();
  const initial = {
    zeros: () => 0,
    bias: (_: number, column: number) => biases[column]!,
    itself: (row: number, column: number) => before[row * columns + column]!,
  }[start];
  const { value, size } = reference(product, a.read(), b.read(), initial);
  arena.kernels.matrixProduct(
    rows,
    columns,
    depth,
    a.address,
    (transposeA ? rows : depth) * 4,
    transposeA,
    b.address,
    (transposeB ? depth : columns) * 4,
    transposeB,
    { zeros: 0, bias: bias.address, itself: c.address }[start],
    start === 'itself' ? columns * 4 : 0,
    c.address,
    columns * 4,
    arena.scratch(arena.kernels.matrixProductScratchBytes()),
  );
  expectClose(c.read(), value, (index) => 5e-7 * size[index]! + 1e-30, `${JSON.stringify(product)} from ${start}`);
  arena.check();
}

const transpositions = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({ transposeA, transposeB })),
);

describe.each(presentVariants)('matrix product, %s', async (variant) => {
  const arena = await Arena.create(variant);

  it.each(transpositions)('is right for odd sizes, %o', (transposition) => {
    const lengths = [1, 2, 3, 4, 5, 7, 8, 9, 17, 33];
    const random = arena.random;
    const pick = () => lengths[random.integer(lengths.length)]!;
    for (const rows of lengths) {
      for (const columns of lengths) {
        multiply(arena, { rows, columns, depth: pick(), ...transposition }, 'zeros');
      }
    }
  });

  it.each(transpositions)('starts from a bias or from itself, %o', (transposition) => {
    for (const [rows, columns, depth] of [
      [1, 1, 1],
      [3, 5, 7],
      [17, 20, 9],
      [23, 65, 12],
      [66, 49, 3],
      [21, 50, 300],
    ] as const) {
      multiply(arena, { rows, columns, depth, ...transposition }, 'bias');
      multiply(arena, { rows, columns, depth, ...transposition }, 'itself');
    }
  });

  it.each(transpositions)('crosses its blocks of depth and of columns, %o', (transposition) => {
    multiply(arena, { rows: 37, columns: 65, depth: 521, ...transposition }, 'zeros');
    multiply(arena, { rows: 19, columns: 1043, depth: 5, ...transposition }, 'bias');
    multiply(arena, { rows: 2, columns: 1043, depth: 261, ...transposition }, 'zeros');
  });

  it('gives what it starts from where there is nothing to multiply', () => {
    multiply(arena, { rows: 3, columns: 5, depth: 0, transposeA: false, transposeB: false }, 'zeros');
    multiply(arena, { rows: 3, columns: 5, depth: 0, transposeA: false, transposeB: true }, 'bias');
    multiply(arena, { rows: 3, columns: 5, depth: 0, transposeA: true, transposeB: false }, 'itself');
    multiply(arena, { rows: 0, columns: 5, depth: 4, transposeA: false, transposeB: false }, 'zeros');
    multiply(arena, { rows: 40, columns: 0, depth: 4, transposeA: true, transposeB: false }, 'zeros');
  });

  it('lets NaN and infinity through to their row alone', () => {
    arena.reset();
    const [rows, columns, depth] = [30, 60, 11];
    const values = Array.from({ length: rows * depth }, () => 1);
    values[7 * depth + 3] = NaN;
    values[9 * depth + 10] = Infinity;
    const a = arena.floats(values);
    const b = arena.floats(Array.from({ length: depth * columns }, () => 2));
    const c = arena.empty(rows * columns);
    arena.kernels.matrixProduct(
      rows,
      columns,
      depth,
      a.address,
      depth * 4,
      false,
      b.address,
      columns * 4,
      false,
      0,
      0,
      c.address,
      columns * 4,
      arena.scratch(arena.kernels.matrixProductScratchBytes()),
    );
    expectClose(
      c.read(),
      Float64Array.from(
        { length: rows * columns },
        (_, index) => ({ 7: NaN, 9: Infinity })[Math.floor(index / columns)] ?? 2 * depth,
      ),
      0,
    );
  });

  it('repeats an operand that has no batch', () => {
    arena.reset();
    const [batch, rows, columns, depth] = [3, 5, 9, 7];
    const product = { rows, columns, depth, transposeA: true, transposeB: false };
    const a = arena.normal(batch * rows * depth);
    const b = arena.normal(depth * columns);
    const c = arena.empty(batch * rows * columns);
    arena.kernels.matrixProductBatch(
      batch,
      rows,
      columns,
      depth,
      a.address,
      rows * depth * 4,
      true,
      b.address,
      0,
      false,
      c.address,
      arena.scratch(arena.kernels.matrixProductScratchBytes()),
    );
    for (let index = 0; index < batch; index++) {
      const { value } = reference(product, a.read().subarray(index * rows * depth), b.read(), () => 0);
      expectClose(c.read().subarray(index * rows * columns, (index + 1) * rows * columns), value, 1e-5);
    }
    arena.check();
  });

  it('gives the same bytes each time', () => {
    const results = [1, 2].map(() => {
      arena.reset();
      const values = Array.from({ length: 40 * 300 }, (_, index) => Math.sin(index));
      const a = arena.floats(values);
      const b = arena.floats(values);
      const c = arena.empty(1600);
      arena.kernels.matrixProduct(
        40,
        40,
        300,
        a.address,
        160,
        true,
        b.address,
        1200,
        true,
        0,
        0,
        c.address,
        160,
        arena.scratch(arena.kernels.matrixProductScratchBytes()),
      );
      return [...c.read()];
    });
    expect(results[0]).toEqual(results[1]);
  });
});
