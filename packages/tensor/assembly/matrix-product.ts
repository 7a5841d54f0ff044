/** C = initial + op(A) · op(B), float32, any size and transposition; deterministic: the path depends on the shape alone. */
import { computeTile, computeTiles, computeWideTiles } from './micro-kernel';
import { DEPTH_MAJOR_ROWS, packColumns, packRows, packTiles, packTilesOfRows } from './packing';
import { loadPartial, storePartial } from './vector';
import { productByDots, productByColumns } from './skinny-gemm';

/** k is cut in blocks of this many: a panel of B (8 KB) and a strip of A (16 KB) then share the first-level cache. */
const DEPTH_BLOCK: i32 = 256;
/** Columns of B packed at once: with DEPTH_BLOCK, 1 MB, half of a second-level cache. */
const COLUMN_BLOCK: i32 = 1024;
/** Tiles of A that meet one panel of B before the next panel is fetched. */
const STRIP_TILES: i32 = 4;
/** From this many columns on, tiles of packed A repay the packing of an A that lies by rows. */
export const COLUMNS_FOR_PACKED_A: i32 = 48;
/** Rows of A packed at once. */
const PACKED_STRIP: i32 = DEPTH_MAJOR_ROWS * STRIP_TILES;

/** Whether tiles take 16 columns: faster only where the engine joins two vectors in one of 256 bits. */
let wideTiles: bool = false;

/** Chooses the tiles. The results are the same bits. */
export function useWideTiles(wide: bool): void {
  wideTiles = wide;
}

const PACKED_B_BYTES: usize = <usize>(DEPTH_BLOCK * COLUMN_BLOCK * 4);
const PACKED_A_BYTES: usize = <usize>(DEPTH_BLOCK * PACKED_STRIP * 4);
export const EDGE_BYTES: usize = DEPTH_MAJOR_ROWS * 32;

/** Bytes of scratch that {@link matrixProduct} needs: packed B, packed A, an edge tile, a row of zeros. */
export function matrixProductScratchBytes(): usize {
  return PACKED_B_BYTES + PACKED_A_BYTES + EDGE_BYTES + 32;
}

/**
 * C's columns `0 … columns`, from panels already packed: for each strip of rows, each panel, each tile.
 * A's row r begins `r · rowStep` bytes after `a` (r a multiple of `tileRows`: 4, or DEPTH_MAJOR_ROWS where A lies depth-major): `aStride` along its rows, 4 where A lies depth-major.
 * Panels lie `panelBytes` apart: more than `depth` rows of them where only the first rows are multiplied.
 * `edge` is scratch of EDGE_BYTES for panels narrower than 8. `initialStep` is 1 where `initial` has a value for each
 * column, 0 where one row of 8 serves all.
 */
export function productWithPanels(
  rows: i32,
  columns: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  rowStep: usize,
  byRows: bool,
  tileRows: i32,
  panels: usize,
  panelBytes: usize,
  initial: usize,
  initialStride: usize,
  initialStep: usize,
  c: usize,
  cStride: usize,
  edge: usize,
): void {
  const stripRows = tileRows * STRIP_TILES;
  for (let strip = 0; strip < rows; strip += stripRows) {
    const stripEnd = min(strip + stripRows, rows);
    const tiles = (stripEnd - strip) / tileRows;
    let panel = panels;
    for (let column = 0; column < columns; column += 8) {
      const width = columns - column;
      const columnBytes = <usize>column << 2;
      let row = strip;
      if (ASC_FEATURE_RELAXED_SIMD && wideTiles && width >= 16) {
        computeWideTiles(
          tiles, byRows, depth, a + <usize>row * rowStep, aStride, rowStep * tileRows, panel, panelBytes,
          initial + <usize>row * initialStride + columnBytes * initialStep, initialStride, initialStep, c + <usize>row * cStride + columnBytes, cStride,
        );
        row += tiles * tileRows;
        // The rows left over, a panel at a time.
        restOfStrip(row, stripEnd, 8, byRows, depth, a, aStride, rowStep, tileRows, panel, initial, initialStride, initialStep, columnBytes, c, cStride, edge);
        column += 8;
        panel += panelBytes;
        restOfStrip(row, stripEnd, 8, byRows, depth, a, aStride, rowStep, tileRows, panel, initial, initialStride, initialStep, columnBytes + 32, c, cStride, edge);
      } else {
        if (width >= 8) {
          computeTiles(
            tiles, tileRows, byRows, depth, a + <usize>row * rowStep, aStride, rowStep * tileRows, panel,
            initial + <usize>row * initialStride + columnBytes * initialStep, initialStride, c + <usize>row * cStride + columnBytes, cStride,
          );
          row += tiles * tileRows;
        }
        restOfStrip(row, stripEnd, width, byRows, depth, a, aStride, rowStep, tileRows, panel, initial, initialStride, initialStep, columnBytes, c, cStride, edge);
      }
      panel += panelBytes;
    }
  }
}

/** The tiles of a panel that are not full: fewer rows, or narrower than 8 columns. */
@inline
function restOfStrip(
  row: i32,
  stripEnd: i32,
  width: i32,
  byRows: bool,
  depth: i32,
  a: usize,
  aStride: usize,
  rowStep: usize,
  tileRows: i32,
  panel: usize,
  initial: usize,
  initialStride: usize,
  initialStep: usize,
  columnBytes: usize,
  c: usize,
  cStride: usize,
  edge: usize,
): void {
  for (; row < stripEnd; row += tileRows) {
    const height = min(stripEnd - row, tileRows);
    const target = c + <usize>row * cStride + columnBytes;
    const start = initial + <usize>row * initialStride + columnBytes * initialStep;
    const aTile = a + <usize>row * rowStep;
    if (width >= 8) {
      computeTile(height, byRows, depth, aTile, aStride, panel, start, initialStride, target, cStride);
    } else {
      edgeTile(height, width, byRows, depth, aTile, aStride, panel, start, initialStride, initialStep, target, cStride, edge);
    }
  }
}

/** A tile narrower than 8 columns, computed in `edge` and copied. */
function edgeTile(
  rows: i32,
  width: i32,
  byRows: bool,
  depth: i32,
  a: usize,
  aStride: usize,
  panel: usize,
  initial: usize,
  initialStride: usize,
  initialStep: usize,
  c: usize,
  cStride: usize,
  edge: usize,
): void {
  for (let row = 0; row < rows; row++) {
    const from = initial + <usize>row * initialStride;
    const to = edge + (<usize>row << 5);
    if (initialStep) loadRow(from, to, width);
    else {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
    }
  }
  computeTile(rows, byRows, depth, a, aStride, panel, edge, 32, edge, 32);
  for (let row = 0; row < rows; row++) storeRow(edge + (<usize>row << 5), c + <usize>row * cStride, width);
}

/** `width` (1 … 7) floats into a row of 8 that is otherwise 0. */
function loadRow(from: usize, to: usize, width: i32): void {
  if (width >= 4) {
    v128.store(to, v128.load(from));
    v128.store(to, width > 4 ? loadPartial(from + 16, width - 4) : f32x4.splat(0), 16);
  } else {
    v128.store(to, loadPartial(from, width));
    v128.store(to, f32x4.splat(0), 16);
  }
}

function storeRow(from: usize, to: usize, width: i32): void {
  if (width >= 4) {
    v128.store(to, v128.load(from));
    if (width > 4) storePartial(to + 16, v128.load(from, 16), width - 4);
  } else storePartial(to, v128.load(from), width);
}

/** C = initial, where there is nothing to multiply. */
function fill(rows: i32, columns: i32, initial: usize, initialStride: usize, c: usize, cStride: usize): void {
  const bytes = <usize>columns << 2;
  for (let row = 0; row < rows; row++) {
    const target = c + <usize>row * cStride;
    if (initial) memory.copy(target, initial + <usize>row * initialStride, bytes);
    else memory.fill(target, 0, bytes);
  }
}

/**
 * `c[rows, columns] = initial + op(a)[rows, depth] · op(b)[depth, columns]`.
 * Strides are in bytes for each stored row. `initial` is 0 for zeros, or an address with `initialStride` (0 repeats one
 * row: a bias; `c` with `cStride` accumulates).
 */
export function matrixProduct(
  rows: i32,
  columns: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  transposeA: bool,
  b: usize,
  bStride: usize,
  transposeB: bool,
  initial: usize,
  initialStride: usize,
  c: usize,
  cStride: usize,
  scratch: usize,
): void {
  if (depth == 0) {
    fill(rows, columns, initial, initialStride, c, cStride);
    return;
  }
  if (!transposeA) {
    if (transposeB) {
      if (rows <= 16) {
        productByDots(rows, columns, depth, a, aStride, b, bStride, initial, initialStride, c, cStride);
        return;
      }
    } else if (rows <= 4) {
      productByColumns(rows, columns, depth, a, aStride, b, bStride, initial, initialStride, c, cStride);
      return;
    }
  }
  const packedA = scratch + PACKED_B_BYTES;
  const edge = packedA + PACKED_A_BYTES;
  const zeros = edge + EDGE_BYTES;
  v128.store(zeros, f32x4.splat(0));
  v128.store(zeros, f32x4.splat(0), 16);

  for (let column = 0; column < columns; column += COLUMN_BLOCK) {
    const width = min(columns - column, COLUMN_BLOCK);
    const columnBytes = <usize>column << 2;
    for (let k = 0; k < depth; k += DEPTH_BLOCK) {
      const block = min(depth - k, DEPTH_BLOCK);
      const kBytes = <usize>k << 2;
      if (transposeB) packColumns(block, width, b + <usize>column * bStride + kBytes, bStride, scratch);
      else packRows(block, width, b + <usize>k * bStride + columnBytes, bStride, scratch);

      let start = c + columnBytes;
      let startStride = cStride;
      let startStep: usize = 1;
      if (k == 0) {
        start = initial ? initial + columnBytes : zeros;
        startStride = initial ? initialStride : 0;
        startStep = initial ? 1 : 0;
      }
      if (!transposeA && !(ASC_FEATURE_RELAXED_SIMD && width >= COLUMNS_FOR_PACKED_A)) {
        productWithPanels(rows, width, block, a + kBytes, aStride, aStride, true, 4, scratch, <usize>block << 5, start, startStride, startStep, c + columnBytes, cStride, edge);
        continue;
      }
      for (let strip = 0; strip < rows; strip += PACKED_STRIP) {
        const height = min(rows - strip, PACKED_STRIP);
        if (transposeA) packTiles(block, height, a + <usize>k * aStride + (<usize>strip << 2), aStride, packedA);
        else packTilesOfRows(block, height, a + <usize>strip * aStride + kBytes, aStride, packedA);
        productWithPanels(
          height, width, block, packedA, DEPTH_MAJOR_ROWS << 2, <usize>block << 2, false, DEPTH_MAJOR_ROWS, scratch, <usize>block << 5,
          start + <usize>strip * startStride, startStride, startStep,
          c + columnBytes + <usize>strip * cStride, cStride, edge,
        );
      }
    }
  }
}

/** `batch` products, each operand `…Step` bytes after the one before it (0 repeats it). */
export function matrixProductBatch(
  batch: i32,
  rows: i32,
  columns: i32,
  depth: i32,
  a: usize,
  aStep: usize,
  transposeA: bool,
  b: usize,
  bStep: usize,
  transposeB: bool,
  c: usize,
  scratch: usize,
): void {
  const aStride = <usize>(transposeA ? rows : depth) << 2;
  const bStride = <usize>(transposeB ? depth : columns) << 2;
  const cStride = <usize>columns << 2;
  const cStep = <usize>rows * cStride;
  for (let index = 0; index < batch; index++) {
    matrixProduct(rows, columns, depth, a, aStride, transposeA, b, bStride, transposeB, 0, 0, c, cStride, scratch);
    a += aStep;
    b += bStep;
    c += cStep;
  }
}
