import { describe, expect, it } from 'vitest';
import { crossEntropyReference, rotaryReference, rowsReference } from '../../../parity/reference';
import { Arena, expectClose, presentVariants } from './testing/arena';
import { expectGradients } from './testing/directional-derivative';

const ignoreIndex = -100;

describe.each(presentVariants)('ids, angles and copies, %s', async (variant) => {
  const arena = await Arena.create(variant);

  it('embedding lookup and its gradient, rows repeated', () => {
    for (const width of [1, 3, 4, 7, 33]) {
      for (const count of [0, 1, 17]) {
        arena.reset();
        const vocabulary = 5;
        const table = arena.normal(vocabulary * width);
        const idValues = Array.from({ length: count }, () => arena.random.integer(vocabulary - 1));
        const ids = arena.integers(idValues);
        const output = arena.empty(count * width);
        arena.kernels.embeddingForward(count, width, vocabulary, table.address, ids.address, output.address);
        expectClose(output.read(), rowsReference({ table: table.read(), ids: Float64Array.from(idValues), width }), 0);
        const gradient = arena.normal(count * width);
        const tableGradient = arena.empty(vocabulary * width);
        arena.kernels.embeddingBackward(count, width, vocabulary, gradient.address, ids.address, tableGradient.address);
        const expected = new Float64Array(vocabulary * width);
        gradient
          .read()
          .forEach(
            (value, index) => (expected[idValues[Math.floor(index / width)]! * width + (index % width)]! += value),
          );
        expectClose(tableGradient.read(), expected, 1e-5);
        arena.check();
      }
    }
  });

  it('an id out of range gives NaN and has no gradient', () => {
    arena.reset();
    const [table, ids, output] = [arena.normal(6), arena.integers([-1, 3, 1]), arena.empty(6)];
    arena.kernels.embeddingForward(3, 2, 3, table.address, ids.address, output.address);
    expectClose(output.read(), [NaN, NaN, NaN, NaN, ...table.read().subarray(2, 4)], 0);
    const tableGradient = arena.empty(6);
    arena.kernels.embeddingBackward(
      3,
      2,
      3,
      arena.floats([1, 2, 3, 4, 5, 6]).address,
      ids.address,
      tableGradient.address,
    );
    expectClose(tableGradient.read(), [0, 0, 5, 6, 0, 0], 0);
    arena.check();
  });

  it('cross-entropy and its gradient', () => {
    for (const vocabulary of [1, 3, 4, 7, 8, 33, 130]) {
      for (const rows of [0, 1, 9]) {
        arena.reset();
        const logits = arena.normal(rows * vocabulary, 4);
        const labelValues = Array.from({ length: rows }, (_, row) =>
          row % 4 === 3 ? ignoreIndex : arena.random.integer(vocabulary),
        );
        const labels = arena.integers(labelValues);
        const [losses, logSumExp] = [arena.empty(rows), arena.empty(rows)];
        arena.kernels.crossEntropyForward(
          rows,
          vocabulary,
          ignoreIndex,
          logits.address,
          labels.address,
          losses.address,
          logSumExp.address,
        );
        const reference = (given: Record<string, Float64Array>) =>
          crossEntropyReference({
            logits: given.logits!,
            labels: Float64Array.from(labelValues),
            vocabulary,
            ignoreIndex,
          });
        const inputs = { logits: logits.read() };
        expectClose(losses.read(), reference(inputs), 3e-6, `losses over ${vocabulary}`);
        const gradient = arena.normal(rows);
        const logitsGradient = arena.empty(rows * vocabulary);
        arena.kernels.crossEntropyBackward(
          rows,
          vocabulary,
          ignoreIndex,
          gradient.address,
          logits.address,
          labels.address,
          logSumExp.address,
          logitsGradient.address,
        );
        expectGradients({
          reference,
          inputs,
          weights: gradient.read(),
          random: arena.random,
          gradients: { logits: logitsGradient.read() },
        });
        arena.check();
      }
    }
  });

  it('cross-entropy of large logits, of NaN, and of labels out of range', () => {
    arena.reset();
    const logits = arena.floats([1e4, -1e4, 0, 3e38, 0, 0, NaN, 0, 0, 1, 2, 3]);
    const labels = arena.integers([1, 0, 1, 7]);
    const [losses, logSumExp] = [arena.empty(4), arena.empty(4)];
    arena.kernels.crossEntropyForward(
      4,
      3,
      ignoreIndex,
      logits.address,
      labels.address,
      losses.address,
      logSumExp.address,
    );
    expectClose(losses.read(), [2e4, 0, NaN, NaN], 1e-2);
  });

  it('the logarithm in logSumExp is exact to float32', () => {
    arena.reset();
    const rows = 4000;
    const values = Array.from({ length: rows }, () => Math.fround(80 * (2 * arena.random.uniform() - 1)));
    const pairs = arena.floats(values.flatMap((value) => [0, value]));
    const labels = arena.integers(values.map(() => 0));
    const [losses, logSumExp] = [arena.empty(rows), arena.empty(rows)];
    arena.kernels.crossEntropyForward(
      rows,
      2,
      ignoreIndex,
      pairs.address,
      labels.address,
      losses.address,
      logSumExp.address,
    );
    const expected = values.map((value) => Math.max(0, value) + Math.log1p(Math.exp(-Math.abs(value))));
    expectClose(logSumExp.read(), expected, (index) => 2e-7 * Math.max(1, expected[index]!));
  });

  it('rotary embedding and its inverse', () => {
    for (const headWidth of [2, 6, 8, 14, 64]) {
      for (const shared of [true, false]) {
        arena.reset();
        const [batch, time, heads] = [2, 3, 2];
        const half = headWidth / 2;
        const angles = Array.from({ length: (shared ? 1 : batch) * time * half }, () => 7 * arena.random.uniform());
        const [input, cos, sin] = [
          arena.normal(batch * time * heads * headWidth),
          arena.floats(angles.map(Math.cos)),
          arena.floats(angles.map(Math.sin)),
        ];
        const [output, back] = [arena.empty(input.read().length), arena.empty(input.read().length)];
        arena.kernels.rotary(
          batch,
          time,
          heads,
          headWidth,
          input.address,
          cos.address,
          sin.address,
          shared ? 1 : batch,
          false,
          output.address,
        );
        arena.kernels.rotary(
          batch,
          time,
          heads,
          headWidth,
          output.address,
          cos.address,
          sin.address,
          shared ? 1 : batch,
          true,
          back.address,
        );
        expectClose(
          output.read(),
          rotaryReference({
            input: input.read(),
            cos: cos.read(),
            sin: sin.read(),
            batch,
            time,
            heads,
            headWidth,
            shared,
          }),
          1e-6,
        );
        expectClose(back.read(), input.read(), 2e-6);
        arena.check();
      }
    }
  });

  it('writes a cache in place', () => {
    arena.reset();
    const buffer = arena.floats(Array(2 * 5 * 3).fill(0));
    const update = arena.normal(2 * 2 * 3);
    arena.kernels.cacheWrite(2, 2, 5, 3, 3, update.address, buffer.address);
    const rows = [...update.read()];
    expectClose(buffer.read(), [...Array(9).fill(0), ...rows.slice(0, 6), ...Array(9).fill(0), ...rows.slice(6)], 0);
    arena.check();
  });

  it('copies blocks of any width', () => {
    for (const width of [1, 2, 3, 4, 5, 17, 400]) {
      arena.reset();
      const source = arena.normal(3 * (width + 2));
      const target = arena.floats(Array(3 * (width + 1)).fill(0));
      arena.kernels.copyBlocks(3, width * 4, source.address + 8, (width + 2) * 4, target.address, (width + 1) * 4);
      const values = source.read();
      expectClose(
        target.read(),
        [0, 1, 2].flatMap((row) => [...values.subarray(row * (width + 2) + 2, (row + 1) * (width + 2)), 0]),
        0,
      );
      arena.check();
    }
  });

  it('sums columns and squares', () => {
    for (const [rows, columns] of [
      [0, 5],
      [1, 1],
      [3, 7],
      [65, 33],
      [200, 18],
    ] as const) {
      arena.reset();
      const input = arena.normal(rows * columns);
      const output = arena.empty(columns);
      arena.kernels.columnSums(rows, columns, input.address, output.address);
      const values = input.read();
      expectClose(
        output.read(),
        Float64Array.from({ length: columns }, (_, column) =>
          Array.from({ length: rows }, (_row, row) => values[row * columns + column]!).reduce((sum, x) => sum + x, 0),
        ),
        2e-5,
      );
      const squares = values.reduce((sum, x) => sum + x * x, 0);
      expect(Math.abs(arena.kernels.sumOfSquares(rows * columns, input.address) - squares)).toBeLessThanOrEqual(
        1e-12 * squares,
      );
      arena.check();
    }
  });
});
