/**
 * Packing of a matrix into panels of 8 columns, each laid out depth-major (8 floats for each k, 32 bytes), which is
 * the order in which the register tile reads B. The last panel is padded with zeros.
 */
import { loadPartial, storePartial } from './vector';

/** B `[depth, columns]`, `stride` bytes a row → panels. */
export function packRows(depth: i32, columns: i32, source: usize, stride: usize, target: usize): void {
  const panelBytes = <usize>depth << 5;
  let column = 0;
  for (; column + 8 <= columns; column += 8) {
    let from = source + (<usize>column << 2);
    let to = target;
    const end = to + panelBytes;
    while (to != end) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      from += stride;
      to += 32;
    }
    target += panelBytes;
  }
  const left = columns - column;
  if (left > 0) {
    let from = source + (<usize>column << 2);
    const end = target + panelBytes;
    while (target != end) {
      if (left >= 4) {
        v128.store(target, v128.load(from));
        v128.store(target, left > 4 ? loadPartial(from + 16, left - 4) : f32x4.splat(0), 16);
      } else {
        v128.store(target, loadPartial(from, left));
        v128.store(target, f32x4.splat(0), 16);
      }
      from += stride;
      target += 32;
    }
  }
}

/** Four rows of 4 floats, `stride` bytes apart → four columns, 32 bytes apart. */
// @ts-ignore: decorator
@inline
function transpose4(source: usize, stride: usize, target: usize): void {
  const r0 = v128.load(source);
  const r1 = v128.load(source + stride);
  const r2 = v128.load(source + stride * 2);
  const r3 = v128.load(source + stride * 3);
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(target, v128.shuffle<f64>(low01, low23, 0, 2));
  v128.store(target, v128.shuffle<f64>(low01, low23, 1, 3), 32);
  v128.store(target, v128.shuffle<f64>(high01, high23, 0, 2), 64);
  v128.store(target, v128.shuffle<f64>(high01, high23, 1, 3), 96);
}

/** B stored transposed, `[columns, depth]`, `stride` bytes a stored row → panels. */
export function packColumns(depth: i32, columns: i32, source: usize, stride: usize, target: usize): void {
  const panelBytes = <usize>depth << 5;
  const whole = depth & ~3;
  for (let column = 0; column < columns; column += 8) {
    const width = min(columns - column, 8);
    if (width == 8) {
      let from = source;
      let to = target;
      const lower = stride << 2;
      for (let k = 0; k < whole; k += 4) {
        transpose4(from, stride, to);
        transpose4(from + lower, stride, to + 16);
        from += 16;
        to += 128;
      }
      for (let k = whole; k < depth; k++) {
        let row = from;
        for (let j = 0; j < 8; j++) {
          store<f32>(to + (<usize>j << 2), load<f32>(row));
          row += stride;
        }
        from += 4;
        to += 32;
      }
    } else {
      let from = source;
      let to = target;
      for (let k = 0; k < depth; k++) {
        v128.store(to, f32x4.splat(0));
        v128.store(to, f32x4.splat(0), 16);
        let row = from;
        for (let j = 0; j < width; j++) {
          store<f32>(to + (<usize>j << 2), load<f32>(row));
          row += stride;
        }
        from += 4;
        to += 32;
      }
    }
    source += stride << 3;
    target += panelBytes;
  }
}

/** Rows of a tile of packed A: five with fused multiply-add, four without. */
export const PACKED_ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 5 : 4;

/**
 * A stored depth-major, `[depth, rows]`, `stride` bytes for each k → tiles of PACKED_ROWS rows, 4 · PACKED_ROWS bytes
 * for each k. A last tile with fewer rows has the same layout; what follows its rows is undefined. Reads up to a
 * vector in one go, but never beyond the last row.
 */
export function packTiles(depth: i32, rows: i32, source: usize, stride: usize, target: usize): void {
  const step: usize = PACKED_ROWS << 2;
  const tileBytes = <usize>depth * step;
  for (let row = 0; row < rows; row += PACKED_ROWS) {
    let from = source + (<usize>row << 2);
    const end = target + tileBytes;
    const left = rows - row;
    if (left >= PACKED_ROWS) {
      while (target != end) {
        v128.store(target, v128.load(from));
        if (PACKED_ROWS == 5) store<f32>(target, load<f32>(from, 16), 16);
        from += stride;
        target += step;
      }
    } else {
      while (target != end) {
        if (left >= 4) v128.store(target, v128.load(from));
        else storePartial(target, loadPartial(from, left), left);
        from += stride;
        target += step;
      }
    }
  }
}
