/**
 * The functions of `assembly/index.ts`. Addresses and strides are in bytes, counts in elements; booleans are 0 or 1.
 * Each is documented where it is written.
 */
export interface KernelExports {
  matrixProductScratchBytes(): number;
  matrixProduct(
    rows: number, columns: number, depth: number,
    a: number, aStride: number, transposeA: boolean,
    b: number, bStride: number, transposeB: boolean,
    initial: number, initialStride: number, c: number, cStride: number, scratch: number,
  ): void;
  matrixProductBatch(
    batch: number, rows: number, columns: number, depth: number,
    a: number, aStep: number, transposeA: boolean,
    b: number, bStep: number, transposeB: boolean,
    c: number, scratch: number,
  ): void;
  activationForward(activation: number, count: number, input: number, output: number): void;
  activationBackward(activation: number, count: number, gradient: number, input: number, output: number): void;
  gatedForward(activation: number, count: number, gate: number, up: number, output: number): void;
  gatedBackward(activation: number, count: number, gradient: number, gate: number, up: number, gateGradient: number, upGradient: number): void;
  columnSums(rows: number, columns: number, input: number, output: number): void;
  sumOfSquares(count: number, input: number): number;
}
