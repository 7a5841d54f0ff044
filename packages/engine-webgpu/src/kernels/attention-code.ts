import type { tf } from '@subtext/tensor';
import type { AttentionTiles } from './attention-tiles';
import { defaultWorkgroup } from './run-shader';

/** Stands for −∞: finite, because WGSL may assume that all numbers are, and below any score. */
export const maskedScore = '-1e30';

/** The kinds of mask a shader is compiled for, by the mask's rank. */
export function maskKind(mask: tf.Tensor | null): 'none' | 'keys' | 'queries' {
  return mask === null ? 'none' : mask.shape.length === 3 ? 'queries' : 'keys';
}

/** WGSL `visible(batch, query, key)`: false beyond the end, behind the mask and, with `causal`, in the future. */
export function visibilityCode({ mask, causal }: { mask: 'none' | 'keys' | 'queries'; causal: boolean }): string {
  const conditions = [
    'query < uniforms.queryTime && key < uniforms.keyTime',
    ...(causal ? ['key <= uniforms.keyTime - uniforms.queryTime + query'] : []),
    ...(mask === 'keys' ? ['mask[batch * uniforms.keyTime + key] != 0'] : []),
    ...(mask === 'queries' ? ['mask[(batch * uniforms.queryTime + query) * uniforms.keyTime + key] != 0'] : []),
  ];
  // Evaluated from left to right, and the mask only where the indices lie in it.
  return `fn visible(batch: i32, query: i32, key: i32) -> bool { return ${conditions.join(' && ')}; }`;
}

/** WGSL that brings rows `first + 0 … count − 1` of one head to workgroup memory; zeros from row `end` on. */
export function loadRows({
  to,
  from,
  count,
  headWidth,
  first,
  end,
  stride,
  head,
  times = '',
}: {
  to: string;
  from: string;
  count: number;
  headWidth: number;
  first: string;
  /** Rows of the batch that may be read. */
  end: string;
  /** Index of row 0 of this batch in all rows, as WGSL. */
  stride: string;
  /** `heads` and `head`, as WGSL: rows hold the heads side by side. */
  head: [heads: string, head: string];
  /** A factor, as WGSL. @default none */
  times?: string;
}): string {
  const [heads, index] = head;
  return `for (var at = i32(lane); at < ${count * headWidth}; at += ${defaultWorkgroup}) {
      let row = ${first} + at / ${headWidth};
      var number = 0.0;
      if (row < ${end}) { number = ${from}[((${stride} + row) * ${heads} + ${index}) * ${headWidth} + at % ${headWidth}]${times && ` * ${times}`}; }
      ${to}[at] = number;
    }`;
}

/** WGSL loop over a thread's own columns of a tile; sees `column`. */
export function ownColumns({ columns, lanes }: AttentionTiles, code: string): string {
  return `for (var column = part; column < ${columns}; column += ${lanes}) {
      ${code}
    }`;
}

/** How many numbers of a row's result each thread holds. */
export function numbersPerThread({ lanes }: AttentionTiles, headWidth: number): number {
  return Math.ceil(headWidth / lanes);
}

/** WGSL loop over a thread's own numbers of its row: the `slot`-th lies at `at` in the head. */
export function ownNumbers(tiles: AttentionTiles, headWidth: number, code: string): string {
  const body = headWidth % tiles.lanes === 0 ? code : `if (at < ${headWidth}) { ${code} }`;
  return `for (var slot = 0; slot < ${numbersPerThread(tiles, headWidth)}; slot++) {
        let at = part + slot * ${tiles.lanes};
        ${body}
      }`;
}
