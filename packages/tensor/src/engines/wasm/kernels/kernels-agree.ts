import { activationCodes } from '../../../kernels/activation-codes';
import type { KernelExports } from './kernel-exports';
import type { WebAssemblyMemory } from './web-assembly';

/** Kernels with their own memory. */
export interface Trial {
  kernels: KernelExports;
  /** At least 4 MB. */
  memory: WebAssemblyMemory;
}

/** Layout of a trial's memory in bytes: six blocks of numbers, then scratch. */
const block = 65_536;
const [a, b, c, d, e, f] = [1, 2, 3, 4, 5, 6].map((index) => index * block) as [
  number,
  number,
  number,
  number,
  number,
  number,
];
const scratch = 8 * block;
/** Never written: zeros. */
const labels = 60 * block;

type Call = (kernels: KernelExports) => unknown;

/** Calls that together run every loop of the kernels: whole vectors, remainders of rows, every tile. */
function calls(): Call[] {
  const list: Call[] = [];
  const product = (
    rows: number,
    columns: number,
    depth: number,
    transposeA: boolean,
    transposeB: boolean,
    initial: number,
  ) =>
    list.push((kernels) =>
      kernels.matrixProduct(
        rows,
        columns,
        depth,
        a,
        (transposeA ? rows : depth) * 4,
        transposeA,
        b,
        (transposeB ? depth : columns) * 4,
        transposeB,
        initial,
        0,
        c,
        columns * 4,
        scratch,
      ),
    );
  for (const [rows, columns, depth] of [
    [47, 67, 35],
    [20, 40, 300],
    [64, 64, 64],
    [23, 30, 17],
  ] as const) {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        product(rows, columns, depth, transposeA, transposeB, 0);
        product(rows, columns, depth, transposeA, transposeB, d);
      }
    }
  }
  product(1, 70, 50, false, true, d);
  product(3, 70, 50, false, false, d);
  for (const code of Object.values(activationCodes)) {
    list.push((kernels) => kernels.activationForward(code, 1003, a, c));
    list.push((kernels) => kernels.activationBackward(code, 1003, a, b, c));
    list.push((kernels) => kernels.gatedForward(code, 1003, a, b, c));
    list.push((kernels) => kernels.gatedBackward(code, 1003, a, b, d, c, e));
  }
  for (const [queryTime, keyTime, heads, keyHeads, width, causal] of [
    [45, 45, 2, 2, 16, true],
    [30, 50, 4, 2, 24, false],
    [2, 40, 2, 1, 20, true],
  ] as const) {
    list.push((kernels) =>
      kernels.attentionForward(
        2,
        queryTime,
        keyTime,
        keyTime,
        heads,
        keyHeads,
        width,
        a,
        b,
        d,
        0,
        0,
        causal,
        0.3,
        c,
        e,
        scratch,
      ),
    );
    list.push((kernels) =>
      kernels.attentionBackward(
        2,
        queryTime,
        keyTime,
        heads,
        keyHeads,
        width,
        a,
        b,
        d,
        f,
        c,
        e,
        0,
        0,
        causal,
        0.3,
        c + block / 2,
        e + block / 2,
        f + block / 2,
        scratch,
      ),
    );
  }
  list.push((kernels) => kernels.layerNormForward(9, 75, 1e-5, a, b, d, c, e, f));
  list.push((kernels) => kernels.layerNormBackward(9, 75, a, b, d, e, f, c, c + block / 2, d + block / 2, scratch));
  list.push((kernels) => kernels.rmsNormForward(9, 75, 1e-5, a, b, c, e));
  list.push((kernels) => kernels.rmsNormBackward(9, 75, a, b, d, e, c, c + block / 2, scratch));
  list.push((kernels) => kernels.crossEntropyForward(5, 101, -1, a, labels, c, e));
  list.push((kernels) => kernels.crossEntropyBackward(5, 101, -1, a, b, labels, e, c));
  list.push((kernels) => kernels.rotary(2, 7, 3, 20, a, b, d, 1, false, c));
  list.push((kernels) => kernels.columnSums(70, 53, a, c));
  list.push((kernels) => kernels.sumOfSquares(1003, a));
  list.push((kernels) => kernels.adamW(1003, a, b, c, d, 0.5, 0.99, 0.9, 0.1, 0.999, 0.001, 0.01, 2, 1e-8));
  return list;
}

/** Whether two compilations of the kernels, with all their tiles, produce bit-identical memory. Node only. */
export function kernelsAgree(first: Trial, second: Trial): boolean {
  const start = numbers();
  const trials = [first, second].map(({ kernels, memory }) => ({
    kernels,
    operands: new Float32Array(memory.buffer, 0, scratch / 4),
  }));
  return calls().every((call) =>
    [false, true].every((wide) => {
      const values = trials.map(({ kernels, operands }) => {
        operands.set(start);
        kernels.useWideTiles(wide);
        const value = call(kernels);
        kernels.useWideTiles(false);
        return value;
      });
      const [one, other] = trials.map(({ operands }) => Buffer.from(operands.buffer, 0, scratch)) as [Buffer, Buffer];
      return Object.is(values[0], values[1]) && one.equals(other);
    }),
  );
}

/** Fixed numbers between −2 and 2. */
function numbers(): Float32Array {
  let state = 1;
  return Float32Array.from({ length: scratch / 4 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 30 - 2;
  });
}

/** Times one product with both tiles; takes the best of several runs, since other load can only slow a run down. */
export function wideTilesAreFaster({ kernels }: Pick<Trial, 'kernels'>): boolean {
  const best = [false, true].map(() => Infinity);
  for (let round = 0; round < 6; round++) {
    for (const wide of [false, true]) {
      kernels.useWideTiles(wide);
      const began = performance.now();
      kernels.matrixProduct(120, 128, 128, a, 512, false, b, 512, false, 0, 0, c, 512, scratch);
      best[Number(wide)] = Math.min(best[Number(wide)]!, performance.now() - began);
    }
  }
  kernels.useWideTiles(false);
  return best[1]! < best[0]!;
}
