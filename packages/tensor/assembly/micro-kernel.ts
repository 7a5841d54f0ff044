/**
 * The register tile of the matrix product: up to 4 rows × 8 columns of C in 8 vectors. V8's scheduler moves all the
 * loads of a loop's body before its arithmetic, so 2 vectors of B and 4 of A must fit beside them in 15 registers:
 * a larger tile, or an unrolled loop, spills and is slower (measured: 4 × 8 gave 44 GFLOP/s where 6 × 8 gave 30).
 *
 * B is a packed panel: 8 consecutive columns for each k. A is read either along its rows (`a + row·aStride`,
 * consecutive k) or k-major (`a + k·aStride`, consecutive rows). The sum starts from `initial` (a bias row with
 * stride 0, C itself, or zeros), so that neither a bias nor an accumulation needs a pass of its own.
 * Strides are in bytes; `depth` is at least 1. Every element is summed in the order of k whatever the tile, so that the
 * choice of a tile changes the speed and not a bit of the result.
 */
import { multiplyAdd } from './vector';

@inline
function tile(
  rows: i32,
  byRows: bool,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  initial: usize,
  initialStride: usize,
  c: usize,
  cStride: usize,
): void {
  let c00 = v128.load(initial), c01 = v128.load(initial, 16);
  let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01;
  if (rows > 1) { initial += initialStride; c10 = v128.load(initial); c11 = v128.load(initial, 16); }
  if (rows > 2) { initial += initialStride; c20 = v128.load(initial); c21 = v128.load(initial, 16); }
  if (rows > 3) { initial += initialStride; c30 = v128.load(initial); c31 = v128.load(initial, 16); }

  const end = b + (<usize>depth << 5);
  if (byRows) {
    let a0 = a, a1 = a, a2 = a, a3 = a;
    if (rows > 1) a1 = a0 + aStride;
    if (rows > 2) a2 = a1 + aStride;
    if (rows > 3) a3 = a2 + aStride;
    do {
      const b0 = v128.load(b), b1 = v128.load(b, 16);
      let x = v128.load32_splat(a0); c00 = multiplyAdd(x, b0, c00); c01 = multiplyAdd(x, b1, c01); a0 += 4;
      if (rows > 1) { x = v128.load32_splat(a1); c10 = multiplyAdd(x, b0, c10); c11 = multiplyAdd(x, b1, c11); a1 += 4; }
      if (rows > 2) { x = v128.load32_splat(a2); c20 = multiplyAdd(x, b0, c20); c21 = multiplyAdd(x, b1, c21); a2 += 4; }
      if (rows > 3) { x = v128.load32_splat(a3); c30 = multiplyAdd(x, b0, c30); c31 = multiplyAdd(x, b1, c31); a3 += 4; }
      b += 32;
    } while (b != end);
  } else {
    do {
      const b0 = v128.load(b), b1 = v128.load(b, 16);
      let x = v128.load32_splat(a); c00 = multiplyAdd(x, b0, c00); c01 = multiplyAdd(x, b1, c01);
      if (rows > 1) { x = v128.load32_splat(a, 4); c10 = multiplyAdd(x, b0, c10); c11 = multiplyAdd(x, b1, c11); }
      if (rows > 2) { x = v128.load32_splat(a, 8); c20 = multiplyAdd(x, b0, c20); c21 = multiplyAdd(x, b1, c21); }
      if (rows > 3) { x = v128.load32_splat(a, 12); c30 = multiplyAdd(x, b0, c30); c31 = multiplyAdd(x, b1, c31); }
      a += aStride;
      b += 32;
    } while (b != end);
  }

  v128.store(c, c00); v128.store(c, c01, 16);
  if (rows > 1) { c += cStride; v128.store(c, c10); v128.store(c, c11, 16); }
  if (rows > 2) { c += cStride; v128.store(c, c20); v128.store(c, c21, 16); }
  if (rows > 3) { c += cStride; v128.store(c, c30); v128.store(c, c31, 16); }
}

/**
 * A depth-major tile of five rows: one vector of A is spread by shuffles, which V8 leaves beside
 * their use, so that ten sums fit. With fused multiply-add that hides more latency than {@link tile} (47 against
 * 44 GFLOP/s); without it the shuffles cost more than they give.
 */
@inline
function tileOfFive(depth: i32, a: usize, aStride: usize, b: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  let c00 = v128.load(initial), c01 = v128.load(initial, 16);
  initial += initialStride;
  let c10 = v128.load(initial), c11 = v128.load(initial, 16);
  initial += initialStride;
  let c20 = v128.load(initial), c21 = v128.load(initial, 16);
  initial += initialStride;
  let c30 = v128.load(initial), c31 = v128.load(initial, 16);
  initial += initialStride;
  let c40 = v128.load(initial), c41 = v128.load(initial, 16);
  const end = b + (<usize>depth << 5);
  do {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    const four = v128.load(a), last = v128.load32_splat(a, 16);
    let x = v128.shuffle<f32>(four, four, 0, 0, 0, 0); c00 = multiplyAdd(x, b0, c00); c01 = multiplyAdd(x, b1, c01);
    x = v128.shuffle<f32>(four, four, 1, 1, 1, 1); c10 = multiplyAdd(x, b0, c10); c11 = multiplyAdd(x, b1, c11);
    x = v128.shuffle<f32>(four, four, 2, 2, 2, 2); c20 = multiplyAdd(x, b0, c20); c21 = multiplyAdd(x, b1, c21);
    x = v128.shuffle<f32>(four, four, 3, 3, 3, 3); c30 = multiplyAdd(x, b0, c30); c31 = multiplyAdd(x, b1, c31);
    c40 = multiplyAdd(last, b0, c40); c41 = multiplyAdd(last, b1, c41);
    a += aStride;
    b += 32;
  } while (b != end);
  v128.store(c, c00); v128.store(c, c01, 16);
  c += cStride;
  v128.store(c, c10); v128.store(c, c11, 16);
  c += cStride;
  v128.store(c, c20); v128.store(c, c21, 16);
  c += cStride;
  v128.store(c, c30); v128.store(c, c31, 16);
  c += cStride;
  v128.store(c, c40); v128.store(c, c41, 16);
}

/**
 * Five rows × 16 columns, B's from two panels, for engines that join neighbouring vectors in pairs of 256 bits: ten sums of
 * eight lanes each hide the latency of the multiply-adds (91 GFLOP/s against 49; with vectors of 128 bits they spill, 34).
 * `initialStep` is 0 where one row of 8 zeros starts both panels.
 */
@inline
function wideTileOfFive(depth: i32, a: usize, aStride: usize, b: usize, panelBytes: usize, initial: usize, initialStride: usize, initialStep: usize, c: usize, cStride: usize): void {
  let right = initial + (initialStep << 5);
  let c00 = v128.load(initial), c01 = v128.load(initial, 16), c02 = v128.load(right), c03 = v128.load(right, 16);
  initial += initialStride;
  right += initialStride;
  let c10 = v128.load(initial), c11 = v128.load(initial, 16), c12 = v128.load(right), c13 = v128.load(right, 16);
  initial += initialStride;
  right += initialStride;
  let c20 = v128.load(initial), c21 = v128.load(initial, 16), c22 = v128.load(right), c23 = v128.load(right, 16);
  initial += initialStride;
  right += initialStride;
  let c30 = v128.load(initial), c31 = v128.load(initial, 16), c32 = v128.load(right), c33 = v128.load(right, 16);
  initial += initialStride;
  right += initialStride;
  let c40 = v128.load(initial), c41 = v128.load(initial, 16), c42 = v128.load(right), c43 = v128.load(right, 16);
  let d = b + panelBytes;
  const end = b + (<usize>depth << 5);
  do {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(d), b3 = v128.load(d, 16);
    const four = v128.load(a), last = v128.load32_splat(a, 16);
    let x = v128.shuffle<f32>(four, four, 0, 0, 0, 0); c00 = multiplyAdd(x, b0, c00); c01 = multiplyAdd(x, b1, c01); c02 = multiplyAdd(x, b2, c02); c03 = multiplyAdd(x, b3, c03);
    x = v128.shuffle<f32>(four, four, 1, 1, 1, 1); c10 = multiplyAdd(x, b0, c10); c11 = multiplyAdd(x, b1, c11); c12 = multiplyAdd(x, b2, c12); c13 = multiplyAdd(x, b3, c13);
    x = v128.shuffle<f32>(four, four, 2, 2, 2, 2); c20 = multiplyAdd(x, b0, c20); c21 = multiplyAdd(x, b1, c21); c22 = multiplyAdd(x, b2, c22); c23 = multiplyAdd(x, b3, c23);
    x = v128.shuffle<f32>(four, four, 3, 3, 3, 3); c30 = multiplyAdd(x, b0, c30); c31 = multiplyAdd(x, b1, c31); c32 = multiplyAdd(x, b2, c32); c33 = multiplyAdd(x, b3, c33);
    c40 = multiplyAdd(last, b0, c40); c41 = multiplyAdd(last, b1, c41); c42 = multiplyAdd(last, b2, c42); c43 = multiplyAdd(last, b3, c43);
    a += aStride;
    b += 32;
    d += 32;
  } while (b != end);
  v128.store(c, c00); v128.store(c, c01, 16); v128.store(c, c02, 32); v128.store(c, c03, 48);
  c += cStride;
  v128.store(c, c10); v128.store(c, c11, 16); v128.store(c, c12, 32); v128.store(c, c13, 48);
  c += cStride;
  v128.store(c, c20); v128.store(c, c21, 16); v128.store(c, c22, 32); v128.store(c, c23, 48);
  c += cStride;
  v128.store(c, c30); v128.store(c, c31, 16); v128.store(c, c32, 32); v128.store(c, c33, 48);
  c += cStride;
  v128.store(c, c40); v128.store(c, c41, 16); v128.store(c, c42, 32); v128.store(c, c43, 48);
}

/**
 * The same for four rows of an A that lies by rows.
 */
@inline
function wideTileAlongRows(depth: i32, a: usize, aStride: usize, b: usize, panelBytes: usize, initial: usize, initialStride: usize, initialStep: usize, c: usize, cStride: usize): void {
  let right = initial + (initialStep << 5);
  let c00 = v128.load(initial), c01 = v128.load(initial, 16), c02 = v128.load(right), c03 = v128.load(right, 16);
  initial += initialStride;
  right += initialStride;
  let c10 = v128.load(initial), c11 = v128.load(initial, 16), c12 = v128.load(right), c13 = v128.load(right, 16);
  initial += initialStride;
  right += initialStride;
  let c20 = v128.load(initial), c21 = v128.load(initial, 16), c22 = v128.load(right), c23 = v128.load(right, 16);
  initial += initialStride;
  right += initialStride;
  let c30 = v128.load(initial), c31 = v128.load(initial, 16), c32 = v128.load(right), c33 = v128.load(right, 16);
  let d = b + panelBytes;
  const end = b + (<usize>depth << 5);
  let a0 = a, a1 = a + aStride, a2 = a + aStride * 2, a3 = a + aStride * 3;
  do {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(d), b3 = v128.load(d, 16);
    let x = v128.load32_splat(a0); c00 = multiplyAdd(x, b0, c00); c01 = multiplyAdd(x, b1, c01); c02 = multiplyAdd(x, b2, c02); c03 = multiplyAdd(x, b3, c03); a0 += 4;
    x = v128.load32_splat(a1); c10 = multiplyAdd(x, b0, c10); c11 = multiplyAdd(x, b1, c11); c12 = multiplyAdd(x, b2, c12); c13 = multiplyAdd(x, b3, c13); a1 += 4;
    x = v128.load32_splat(a2); c20 = multiplyAdd(x, b0, c20); c21 = multiplyAdd(x, b1, c21); c22 = multiplyAdd(x, b2, c22); c23 = multiplyAdd(x, b3, c23); a2 += 4;
    x = v128.load32_splat(a3); c30 = multiplyAdd(x, b0, c30); c31 = multiplyAdd(x, b1, c31); c32 = multiplyAdd(x, b2, c32); c33 = multiplyAdd(x, b3, c33); a3 += 4;
    b += 32;
    d += 32;
  } while (b != end);
  v128.store(c, c00); v128.store(c, c01, 16); v128.store(c, c02, 32); v128.store(c, c03, 48);
  c += cStride;
  v128.store(c, c10); v128.store(c, c11, 16); v128.store(c, c12, 32); v128.store(c, c13, 48);
  c += cStride;
  v128.store(c, c20); v128.store(c, c21, 16); v128.store(c, c22, 32); v128.store(c, c23, 48);
  c += cStride;
  v128.store(c, c30); v128.store(c, c31, 16); v128.store(c, c32, 32); v128.store(c, c33, 48);
}

// One function for each shape of the tile, so that V8 compiles and tiers up each on its own; the full shapes compute
// several tiles, one below the other, in a call.

function alongRows1(depth: i32, a: usize, aStride: usize, b: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  tile(1, true, depth, a, aStride, b, initial, initialStride, c, cStride);
}
function alongRows2(depth: i32, a: usize, aStride: usize, b: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  tile(2, true, depth, a, aStride, b, initial, initialStride, c, cStride);
}
function alongRows3(depth: i32, a: usize, aStride: usize, b: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  tile(3, true, depth, a, aStride, b, initial, initialStride, c, cStride);
}
function alongRows4(tiles: i32, depth: i32, a: usize, aStride: usize, b: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  for (; tiles > 0; tiles--) {
    tile(4, true, depth, a, aStride, b, initial, initialStride, c, cStride);
    a += aStride << 2;
    initial += initialStride << 2;
    c += cStride << 2;
  }
}
function depthMajor1(depth: i32, a: usize, aStride: usize, b: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  tile(1, false, depth, a, aStride, b, initial, initialStride, c, cStride);
}
function depthMajor2(depth: i32, a: usize, aStride: usize, b: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  tile(2, false, depth, a, aStride, b, initial, initialStride, c, cStride);
}
function depthMajor3(depth: i32, a: usize, aStride: usize, b: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  tile(3, false, depth, a, aStride, b, initial, initialStride, c, cStride);
}
function depthMajor4(tiles: i32, depth: i32, a: usize, aStride: usize, tileStep: usize, b: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  for (; tiles > 0; tiles--) {
    tile(4, false, depth, a, aStride, b, initial, initialStride, c, cStride);
    a += tileStep;
    initial += initialStride << 2;
    c += cStride << 2;
  }
}
function depthMajor5(tiles: i32, depth: i32, a: usize, aStride: usize, tileStep: usize, b: usize, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  for (; tiles > 0; tiles--) {
    tileOfFive(depth, a, aStride, b, initial, initialStride, c, cStride);
    a += tileStep;
    initial += initialStride * 5;
    c += cStride * 5;
  }
}

/** `tiles` full tiles (4 rows, or 5 where A lies depth-major), one below the other, A's `tileStep` bytes apart: `c = initial + a · b`. */
@inline
export function computeTiles(
  tiles: i32,
  tileRows: i32,
  byRows: bool,
  depth: i32,
  a: usize,
  aStride: usize,
  tileStep: usize,
  b: usize,
  initial: usize,
  initialStride: usize,
  c: usize,
  cStride: usize,
): void {
  if (byRows) alongRows4(tiles, depth, a, aStride, b, initial, initialStride, c, cStride);
  else if (ASC_FEATURE_RELAXED_SIMD && tileRows == 5) depthMajor5(tiles, depth, a, aStride, tileStep, b, initial, initialStride, c, cStride);
  else depthMajor4(tiles, depth, a, aStride, tileStep, b, initial, initialStride, c, cStride);
}

/** One tile of `rows` (1 … 4, or 5 where A lies depth-major) × 8: `c = initial + a · b`. */
@inline
export function computeTile(
  rows: i32,
  byRows: bool,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  initial: usize,
  initialStride: usize,
  c: usize,
  cStride: usize,
): void {
  if (byRows) {
    if (rows >= 4) alongRows4(1, depth, a, aStride, b, initial, initialStride, c, cStride);
    else if (rows == 3) alongRows3(depth, a, aStride, b, initial, initialStride, c, cStride);
    else if (rows == 2) alongRows2(depth, a, aStride, b, initial, initialStride, c, cStride);
    else alongRows1(depth, a, aStride, b, initial, initialStride, c, cStride);
  } else {
    if (ASC_FEATURE_RELAXED_SIMD && rows == 5) depthMajor5(1, depth, a, aStride, 0, b, initial, initialStride, c, cStride);
    else if (rows >= 4) depthMajor4(1, depth, a, aStride, 0, b, initial, initialStride, c, cStride);
    else if (rows == 3) depthMajor3(depth, a, aStride, b, initial, initialStride, c, cStride);
    else if (rows == 2) depthMajor2(depth, a, aStride, b, initial, initialStride, c, cStride);
    else depthMajor1(depth, a, aStride, b, initial, initialStride, c, cStride);
  }
}

/** Several tiles of 16 columns from two panels, one below the other: 5 rows each where A lies depth-major, 4 where it lies by rows. */
export function computeWideTiles(
  tiles: i32,
  byRows: bool,
  depth: i32,
  a: usize,
  aStride: usize,
  tileStep: usize,
  b: usize,
  panelBytes: usize,
  initial: usize,
  initialStride: usize,
  initialStep: usize,
  c: usize,
  cStride: usize,
): void {
  if (byRows) {
    for (; tiles > 0; tiles--) {
      wideTileAlongRows(depth, a, aStride, b, panelBytes, initial, initialStride, initialStep, c, cStride);
      a += tileStep;
      initial += initialStride << 2;
      c += cStride << 2;
    }
  } else {
    for (; tiles > 0; tiles--) {
      wideTileOfFive(depth, a, aStride, b, panelBytes, initial, initialStride, initialStep, c, cStride);
      a += tileStep;
      initial += initialStride * 5;
      c += cStride * 5;
    }
  }
}
