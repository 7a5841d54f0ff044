import { OperationError } from '@subtext/tensor';
import { defaultWorkgroup } from './run-shader';

/** Bytes of workgroup memory that every WebGPU device has. */
const workgroupBytes = 16_384;

/** How a workgroup of attention divides its work. */
export interface AttentionTiles {
  /** Rows of its own, for which it computes results. */
  rows: number;
  /** Threads that share a row: each takes some columns of a tile, and then some numbers of the row's result. */
  lanes: number;
  /** Rows of the other side that it holds at a time. */
  columns: number;
}

/**
 * The largest tiles that fit: up to 16 rows, so that few threads idle where there are few, and as many columns as the
 * memory takes beside them.
 */
export function attentionTiles({
  time,
  headWidth,
  rowArrays,
  columnArrays,
  scoreArrays,
}: {
  /** Rows that there are. */
  time: number;
  headWidth: number;
  /** Arrays of `[rows, headWidth]`, `[columns, headWidth]` and `[rows, columns]` held in workgroup memory. */
  rowArrays: number;
  columnArrays: number;
  scoreArrays: number;
}): AttentionTiles {
  for (let rows = Math.min(16, 2 ** Math.ceil(Math.log2(Math.max(1, time)))); rows >= 1; rows /= 2) {
    for (let columns = 16; columns >= 1; columns /= 2) {
      const numbers = (rows * rowArrays + columns * columnArrays) * headWidth + rows * columns * scoreArrays;
      // Many rows with hardly a column would read everything for little.
      if (numbers * 4 <= workgroupBytes && columns >= Math.min(rows, 8)) {
        return { rows, lanes: defaultWorkgroup / rows, columns };
      }
    }
  }
  throw new OperationError({
    operation: 'attention',
    code: 'invalid-option',
    message: `heads of ${headWidth} are too wide for the webgpu engine. Use more heads, or another engine.`,
  });
}
