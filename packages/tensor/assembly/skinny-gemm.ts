/** Matrix products with few rows (generation: one row for each sequence), where packing B would cost as much as the product. */
import { loadPartial, multiplyAdd, storePartial, sumLanes } from './vector';

@inline
function initialValue(initial: usize, stride: usize, row: i32, column: i32): f32 {
  return initial ? load<f32>(initial + <usize>row * stride + (<usize>column << 2)) : 0;
}

/** Two rows of A against four stored rows of B: eight dot products. */
function dots2x4(depth: i32, a0: usize, a1: usize, b0: usize, bStride: usize, initial: usize, initialStride: usize, row: i32, column: i32, c: usize, cStride: usize): void {
  let s00 = f32x4.splat(0), s01 = s00, s02 = s00, s03 = s00, s10 = s00, s11 = s00, s12 = s00, s13 = s00;
  let b1 = b0 + bStride, b2 = b1 + bStride, b3 = b2 + bStride;
  const end = a0 + (<usize>(depth & ~3) << 2);
  while (a0 != end) {
    const x0 = v128.load(a0), x1 = v128.load(a1);
    let y = v128.load(b0); s00 = multiplyAdd(x0, y, s00); s10 = multiplyAdd(x1, y, s10);
    y = v128.load(b1); s01 = multiplyAdd(x0, y, s01); s11 = multiplyAdd(x1, y, s11);
    y = v128.load(b2); s02 = multiplyAdd(x0, y, s02); s12 = multiplyAdd(x1, y, s12);
    y = v128.load(b3); s03 = multiplyAdd(x0, y, s03); s13 = multiplyAdd(x1, y, s13);
    a0 += 16; a1 += 16; b0 += 16; b1 += 16; b2 += 16; b3 += 16;
  }
  const left = depth & 3;
  if (left) {
    const x0 = loadPartial(a0, left), x1 = loadPartial(a1, left);
    let y = loadPartial(b0, left); s00 = multiplyAdd(x0, y, s00); s10 = multiplyAdd(x1, y, s10);
    y = loadPartial(b1, left); s01 = multiplyAdd(x0, y, s01); s11 = multiplyAdd(x1, y, s11);
    y = loadPartial(b2, left); s02 = multiplyAdd(x0, y, s02); s12 = multiplyAdd(x1, y, s12);
    y = loadPartial(b3, left); s03 = multiplyAdd(x0, y, s03); s13 = multiplyAdd(x1, y, s13);
  }
  const target = c + <usize>row * cStride + (<usize>column << 2);
  v128.store(target, f32x4.add(sumFour(s00, s01, s02, s03), initialFour(initial, initialStride, row, column)));
  v128.store(target + cStride, f32x4.add(sumFour(s10, s11, s12, s13), initialFour(initial, initialStride, row + 1, column)));
}

/** One row of A against four stored rows of B. */
function dots1x4(depth: i32, a0: usize, b0: usize, bStride: usize, initial: usize, initialStride: usize, row: i32, column: i32, c: usize, cStride: usize): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let b1 = b0 + bStride, b2 = b1 + bStride, b3 = b2 + bStride;
  const end = a0 + (<usize>(depth & ~3) << 2);
  while (a0 != end) {
    const x = v128.load(a0);
    s0 = multiplyAdd(x, v128.load(b0), s0);
    s1 = multiplyAdd(x, v128.load(b1), s1);
    s2 = multiplyAdd(x, v128.load(b2), s2);
    s3 = multiplyAdd(x, v128.load(b3), s3);
    a0 += 16; b0 += 16; b1 += 16; b2 += 16; b3 += 16;
  }
  const left = depth & 3;
  if (left) {
    const x = loadPartial(a0, left);
    s0 = multiplyAdd(x, loadPartial(b0, left), s0);
    s1 = multiplyAdd(x, loadPartial(b1, left), s1);
    s2 = multiplyAdd(x, loadPartial(b2, left), s2);
    s3 = multiplyAdd(x, loadPartial(b3, left), s3);
  }
  v128.store(c + <usize>row * cStride + (<usize>column << 2), f32x4.add(sumFour(s0, s1, s2, s3), initialFour(initial, initialStride, row, column)));
}

@inline
function initialFour(initial: usize, stride: usize, row: i32, column: i32): v128 {
  return initial ? v128.load(initial + <usize>row * stride + (<usize>column << 2)) : f32x4.splat(0);
}

/** The lane sums of four vectors, as one vector. */
@inline
function sumFour(a: v128, b: v128, c: v128, d: v128): v128 {
  const low01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const sum01 = f32x4.add(low01, high01);
  const sum23 = f32x4.add(low23, high23);
  return f32x4.add(v128.shuffle<f64>(sum01, sum23, 0, 2), v128.shuffle<f64>(sum01, sum23, 1, 3));
}

function dot(depth: i32, a: usize, b: usize): f32 {
  let sum = f32x4.splat(0);
  const end = a + (<usize>(depth & ~3) << 2);
  while (a != end) {
    sum = multiplyAdd(v128.load(a), v128.load(b), sum);
    a += 16;
    b += 16;
  }
  const left = depth & 3;
  if (left) sum = multiplyAdd(loadPartial(a, left), loadPartial(b, left), sum);
  return sumLanes(sum);
}

/** B stored transposed, `[columns, depth]`: dot products of stored rows. */
export function productByDots(rows: i32, columns: i32, depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  let column = 0;
  for (; column + 4 <= columns; column += 4) {
    let row = 0;
    for (; row + 2 <= rows; row += 2) {
      const aRow = a + <usize>row * aStride;
      dots2x4(depth, aRow, aRow + aStride, b, bStride, initial, initialStride, row, column, c, cStride);
    }
    if (row < rows) dots1x4(depth, a + <usize>row * aStride, b, bStride, initial, initialStride, row, column, c, cStride);
    b += bStride << 2;
  }
  for (; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      store<f32>(
        c + <usize>row * cStride + (<usize>column << 2),
        dot(depth, a + <usize>row * aStride, b) + initialValue(initial, initialStride, row, column),
      );
    }
    b += bStride;
  }
}

/** One row of A against 16 columns of B: a whole line of the cache for each k. */
function columns16(depth: i32, a: usize, b: usize, bStride: usize, initial: usize, c: usize): void {
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
  if (initial) {
    c0 = v128.load(initial);
    c1 = v128.load(initial, 16);
    c2 = v128.load(initial, 32);
    c3 = v128.load(initial, 48);
  }
  const end = a + (<usize>depth << 2);
  while (a != end) {
    const x = v128.load32_splat(a);
    c0 = multiplyAdd(x, v128.load(b), c0);
    c1 = multiplyAdd(x, v128.load(b, 16), c1);
    c2 = multiplyAdd(x, v128.load(b, 32), c2);
    c3 = multiplyAdd(x, v128.load(b, 48), c3);
    a += 4;
    b += bStride;
  }
  v128.store(c, c0);
  v128.store(c, c1, 16);
  v128.store(c, c2, 32);
  v128.store(c, c3, 48);
}

/** The same for two rows. */
function columns2x16(depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00;
  if (initial) {
    c00 = v128.load(initial);
    c01 = v128.load(initial, 16);
    c02 = v128.load(initial, 32);
    c03 = v128.load(initial, 48);
    initial += initialStride;
    c10 = v128.load(initial);
    c11 = v128.load(initial, 16);
    c12 = v128.load(initial, 32);
    c13 = v128.load(initial, 48);
  }
  let a1 = a + aStride;
  const end = a + (<usize>depth << 2);
  while (a != end) {
    const x0 = v128.load32_splat(a), x1 = v128.load32_splat(a1);
    let y = v128.load(b); c00 = multiplyAdd(x0, y, c00); c10 = multiplyAdd(x1, y, c10);
    y = v128.load(b, 16); c01 = multiplyAdd(x0, y, c01); c11 = multiplyAdd(x1, y, c11);
    y = v128.load(b, 32); c02 = multiplyAdd(x0, y, c02); c12 = multiplyAdd(x1, y, c12);
    y = v128.load(b, 48); c03 = multiplyAdd(x0, y, c03); c13 = multiplyAdd(x1, y, c13);
    a += 4;
    a1 += 4;
    b += bStride;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c02, 32);
  v128.store(c, c03, 48);
  c += cStride;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  v128.store(c, c12, 32);
  v128.store(c, c13, 48);
}

/** One row of A against `width` (1 … 4) columns of B. */
function columns4(depth: i32, width: i32, a: usize, b: usize, bStride: usize, initial: usize, c: usize): void {
  const end = a + (<usize>depth << 2);
  if (width >= 4) {
    let sum = initial ? v128.load(initial) : f32x4.splat(0);
    while (a != end) {
      sum = multiplyAdd(v128.load32_splat(a), v128.load(b), sum);
      a += 4;
      b += bStride;
    }
    v128.store(c, sum);
  } else {
    let sum = initial ? loadPartial(initial, width) : f32x4.splat(0);
    while (a != end) {
      sum = multiplyAdd(v128.load32_splat(a), loadPartial(b, width), sum);
      a += 4;
      b += bStride;
    }
    storePartial(c, sum, width);
  }
}

/** From this many columns on B is read along its rows, as it lies in memory, and C is what is read again. */
const COLUMNS_FOR_ROWS: i32 = 128;
/** Columns of C that stay in the first-level cache, with four rows of B. */
const COLUMN_BLOCK: i32 = 1024;

/** `c += Σ a[k] · b[k]` for four k: four rows of B into one row of C. `columns` is a multiple of 8. */
function addFourRows(columns: i32, a: usize, b0: usize, bStride: usize, c: usize): void {
  const x0 = v128.load32_splat(a), x1 = v128.load32_splat(a, 4), x2 = v128.load32_splat(a, 8), x3 = v128.load32_splat(a, 12);
  let b1 = b0 + bStride, b2 = b1 + bStride, b3 = b2 + bStride;
  const end = c + (<usize>columns << 2);
  while (c != end) {
    let low = v128.load(c), high = v128.load(c, 16);
    low = multiplyAdd(x0, v128.load(b0), low); high = multiplyAdd(x0, v128.load(b0, 16), high);
    low = multiplyAdd(x1, v128.load(b1), low); high = multiplyAdd(x1, v128.load(b1, 16), high);
    low = multiplyAdd(x2, v128.load(b2), low); high = multiplyAdd(x2, v128.load(b2, 16), high);
    low = multiplyAdd(x3, v128.load(b3), low); high = multiplyAdd(x3, v128.load(b3, 16), high);
    v128.store(c, low);
    v128.store(c, high, 16);
    b0 += 32;
    b1 += 32;
    b2 += 32;
    b3 += 32;
    c += 32;
  }
}

/** The same for one k. */
function addRow(columns: i32, a: usize, b: usize, c: usize): void {
  const x = v128.load32_splat(a);
  const end = c + (<usize>columns << 2);
  while (c != end) {
    v128.store(c, multiplyAdd(x, v128.load(b), v128.load(c)));
    b += 16;
    c += 16;
  }
}

/** `columns`, a multiple of 8, along the rows of B. */
function productByRows(rows: i32, columns: i32, depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  for (let first = 0; first < columns; first += COLUMN_BLOCK) {
    const width = min(columns - first, COLUMN_BLOCK);
    const offset = <usize>first << 2;
    for (let row = 0; row < rows; row++) {
      const target = c + <usize>row * cStride + offset;
      if (initial) memory.copy(target, initial + <usize>row * initialStride + offset, <usize>width << 2);
      else memory.fill(target, 0, <usize>width << 2);
    }
    let k = 0;
    for (; k + 4 <= depth; k += 4) {
      const from = b + <usize>k * bStride + offset;
      for (let row = 0; row < rows; row++) {
        addFourRows(width, a + <usize>row * aStride + (<usize>k << 2), from, bStride, c + <usize>row * cStride + offset);
      }
    }
    for (; k < depth; k++) {
      const from = b + <usize>k * bStride + offset;
      for (let row = 0; row < rows; row++) addRow(width, a + <usize>row * aStride + (<usize>k << 2), from, c + <usize>row * cStride + offset);
    }
  }
}

/** B stored `[depth, columns]`: wide ones along their rows, narrow ones (and what is left) by columns, 16 at a time. */
export function productByColumns(rows: i32, columns: i32, depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  let column = 0;
  if (columns >= COLUMNS_FOR_ROWS) {
    column = columns & ~7;
    productByRows(rows, column, depth, a, aStride, b, bStride, initial, initialStride, c, cStride);
  }
  for (; column + 16 <= columns; column += 16) {
    const offset = <usize>column << 2;
    let row = 0;
    for (; row + 2 <= rows; row += 2) {
      columns2x16(
        depth, a + <usize>row * aStride, aStride, b + offset, bStride,
        initial ? initial + <usize>row * initialStride + offset : 0, initialStride, c + <usize>row * cStride + offset, cStride,
      );
    }
    if (row < rows) {
      columns16(
        depth, a + <usize>row * aStride, b + offset, bStride,
        initial ? initial + <usize>row * initialStride + offset : 0, c + <usize>row * cStride + offset,
      );
    }
  }
  for (; column < columns; column += 4) {
    const offset = <usize>column << 2;
    for (let row = 0; row < rows; row++) {
      columns4(
        depth, columns - column, a + <usize>row * aStride, b + offset, bStride,
        initial ? initial + <usize>row * initialStride + offset : 0, c + <usize>row * cStride + offset,
      );
    }
  }
}
