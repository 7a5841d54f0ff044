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

/** Rows of a tile where A lies depth-major: five with fused multiply-add, four without. */
export const DEPTH_MAJOR_ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 5 : 4;

/**
 * A stored depth-major, `[depth, rows]`, `stride` bytes for each k → tiles of DEPTH_MAJOR_ROWS rows, 4 · DEPTH_MAJOR_ROWS bytes
 * for each k. A last tile with fewer rows has the same layout; what follows its rows is undefined. Reads up to a
 * vector in one go, but never beyond the last row.
 */
export function packTiles(depth: i32, rows: i32, source: usize, stride: usize, target: usize): void {
  const step: usize = DEPTH_MAJOR_ROWS << 2;
  const tileBytes = <usize>depth * step;
  for (let row = 0; row < rows; row += DEPTH_MAJOR_ROWS) {
    let from = source + (<usize>row << 2);
    const end = target + tileBytes;
    const left = rows - row;
    if (left >= DEPTH_MAJOR_ROWS) {
      while (target != end) {
        v128.store(target, v128.load(from));
        if (DEPTH_MAJOR_ROWS == 5) store<f32>(target, load<f32>(from, 16), 16);
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

/** A stored by rows, `[rows, depth]`, `stride` bytes a row → the same tiles as {@link packTiles}, for tiles of five rows. */
export function packTilesOfRows(depth: i32, rows: i32, source: usize, stride: usize, target: usize): void {
  const whole = depth & ~3;
  let row = 0;
  for (; row + 5 <= rows; row += 5) {
    let r0 = source, r1 = r0 + stride, r2 = r1 + stride, r3 = r2 + stride, r4 = r3 + stride;
    const end = source + (<usize>whole << 2);
    while (r0 != end) {
      const x0 = v128.load(r0), x1 = v128.load(r1), x2 = v128.load(r2), x3 = v128.load(r3);
      const low01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
      const low23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
      const high23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
      v128.store(target, v128.shuffle<f64>(low01, low23, 0, 2));
      store<f32>(target, load<f32>(r4), 16);
      v128.store(target, v128.shuffle<f64>(low01, low23, 1, 3), 20);
      store<f32>(target, load<f32>(r4, 4), 36);
      v128.store(target, v128.shuffle<f64>(high01, high23, 0, 2), 40);
      store<f32>(target, load<f32>(r4, 8), 56);
      v128.store(target, v128.shuffle<f64>(high01, high23, 1, 3), 60);
      store<f32>(target, load<f32>(r4, 12), 76);
      r0 += 16;
      r1 += 16;
      r2 += 16;
      r3 += 16;
      r4 += 16;
      target += 80;
    }
    for (let k = whole; k < depth; k++) {
      store<f32>(target, load<f32>(r0));
      store<f32>(target, load<f32>(r1), 4);
      store<f32>(target, load<f32>(r2), 8);
      store<f32>(target, load<f32>(r3), 12);
      store<f32>(target, load<f32>(r4), 16);
      r0 += 4;
      r1 += 4;
      r2 += 4;
      r3 += 4;
      r4 += 4;
      target += 20;
    }
    source += stride * 5;
  }
  const left = rows - row;
  for (let index = 0; index < left; index++) {
    let from = source + <usize>index * stride;
    let to = target + (<usize>index << 2);
    for (let k = 0; k < depth; k++) {
      store<f32>(to, load<f32>(from));
      from += 4;
      to += 20;
    }
  }
}
