/**
 * Attention over heads that lie side by side, forward and backward, a block of queries at a time: the scores of a
 * block live in scratch that the second-level cache holds, never as `[batch, heads, time, time]`.
 */
import { COLUMNS_FOR_PACKED_A, EDGE_BYTES, productWithPanels } from './matrix-product';
import { DEPTH_MAJOR_ROWS, packColumns, packRows, packTilesOfRows } from './packing';
import { productByColumns, productByDots } from './skinny-gemm';
import { exp4 } from './functions';
import { log } from './scalar-functions';
import { loadUpTo, maxLanes, multiplyAdd, storeUpTo, sumLanes } from './vector';

/** Queries of a block: with causal attention, keys that none of them sees are not computed. */
const FORWARD_BLOCK: i32 = DEPTH_MAJOR_ROWS * 4;
const BACKWARD_BLOCK: i32 = DEPTH_MAJOR_ROWS * 8;
/** Up to so many queries (generation) keys and values are read in place: packing them would cost as much as using them. */
const FEW_QUERIES: i32 = 4;

const MASK_BY_KEY: i32 = 1;
const MASK_BY_QUERY_AND_KEY: i32 = 2;

@inline
function roundUp8(count: i32): i32 {
  return (count + 7) & ~7;
}

/** Bytes from one row of scores to the next: 8 more than needed, so that rows do not meet in the cache. */
@inline
function scoreStride(keyTime: i32): usize {
  return <usize>(roundUp8(keyTime) + 8) << 2;
}

/** Bytes of scratch for {@link attentionForward} and {@link attentionBackward}. */
export function attentionScratchBytes(keyTime: i32, headWidth: i32): usize {
  const byTime = <usize>(roundUp8(keyTime) * headWidth) << 2;
  const byWidth = <usize>(roundUp8(headWidth) * keyTime) << 2;
  const block = <usize>(BACKWARD_BLOCK * roundUp8(headWidth)) << 2;
  return byTime * 2 + byWidth + block * 3 + scoreStride(keyTime) * BACKWARD_BLOCK * 2 + EDGE_BYTES + 32;
}

/**
 * What multiplies the scores inside the exponent. A scale that is not positive is applied beforehand instead, so that
 * masked scores stay −∞.
 */
@inline
function scoreFactor(scale: f32): f32 {
  return scale > 0 ? scale : 1;
}

/** How many keys query `index` may see, the mask aside. */
@inline
function visibleKeys(causal: bool, queryTime: i32, keyTime: i32, index: i32): i32 {
  return causal ? max(0, min(keyTime, keyTime - queryTime + index + 1)) : keyTime;
}

/** Scores of a block: `scores = a · panels`, A's rows of `depth` packed into `packed` where that pays. */
function scoresOfBlock(rows: i32, keys: i32, depth: i32, a: usize, aStride: usize, panels: usize, packed: usize, zeros: usize, scores: usize, stride: usize, edge: usize): void {
  const columns = roundUp8(keys);
  const panelBytes = <usize>depth << 5;
  if (ASC_FEATURE_RELAXED_SIMD && columns >= COLUMNS_FOR_PACKED_A) {
    packTilesOfRows(depth, rows, a, aStride, packed);
    productWithPanels(rows, columns, depth, packed, DEPTH_MAJOR_ROWS << 2, <usize>depth << 2, false, DEPTH_MAJOR_ROWS, panels, panelBytes, zeros, 0, 0, scores, stride, edge);
  } else {
    productWithPanels(rows, columns, depth, a, aStride, aStride, true, 4, panels, panelBytes, zeros, 0, 0, scores, stride, edge);
  }
}

/** Scores where the mask is 0 become −∞. */
function hideMasked(count: i32, scores: usize, mask: usize): void {
  const minusInfinity = f32x4.splat(-Infinity);
  let left = <usize>count;
  while (left >= 4) {
    const masked = i32x4.eq(v128.load(mask), i32x4.splat(0));
    v128.store(scores, v128.bitselect(minusInfinity, v128.load(scores), masked));
    scores += 16;
    mask += 16;
    left -= 4;
  }
  if (left) storeUpTo(scores, v128.bitselect(minusInfinity, loadUpTo(scores, left), i32x4.eq(loadUpTo(mask, left), i32x4.splat(0))), left);
}

function largest(count: i32, values: usize): f32 {
  let best = f32x4.splat(-Infinity);
  let left = <usize>count;
  while (left >= 4) {
    best = f32x4.pmax(best, v128.load(values));
    values += 16;
    left -= 4;
  }
  let result = maxLanes(best);
  while (left) {
    result = max(result, load<f32>(values));
    values += 4;
    left--;
  }
  return result;
}

function holdsNaN(count: i32, values: usize): bool {
  for (let index = 0; index < count; index++) {
    if (isNaN(load<f32>(values + (<usize>index << 2)))) return true;
  }
  return false;
}

/**
 * The first `count` scores become e^(scale · score − scale · max); those up to `padded` become 0. Returns the sum;
 * 0 where nothing may be seen. `logSumExp` receives the logarithm of Σ e^(scale · score).
 */
function exponentiateRow(count: i32, padded: i32, scores: usize, scale: f32, logSumExp: usize): f32 {
  let highest = count > 0 ? largest(count, scores) * scale : -Infinity;
  if (highest == -Infinity && holdsNaN(count, scores)) highest = 0;
  if (highest == -Infinity) {
    memory.fill(scores, 0, <usize>padded << 2);
    store<f32>(logSumExp, -Infinity);
    return 0;
  }
  const factor = f32x4.splat(scale);
  const shift = f32x4.splat(-highest);
  let sum = f32x4.splat(0);
  const end = scores + (<usize>padded << 2);
  let left = <usize>count;
  while (left >= 4) {
    const p = exp4(multiplyAdd(v128.load(scores), factor, shift));
    v128.store(scores, p);
    sum = f32x4.add(sum, p);
    scores += 16;
    left -= 4;
  }
  let total = sumLanes(sum);
  if (left) {
    const p = exp4(multiplyAdd(loadUpTo(scores, left), factor, shift));
    storeUpTo(scores, p, left);
    for (let lane: usize = 0; lane < left; lane++) total += load<f32>(scores + (lane << 2));
    scores += left << 2;
  }
  if (scores < end) memory.fill(scores, 0, end - scores);
  store<f32>(logSumExp, <f32>(<f64>highest + log(<f64>total)));
  return total;
}

function scaleRow(count: i32, row: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  let left = <usize>count;
  while (left >= 4) {
    v128.store(row, f32x4.mul(v128.load(row), factors));
    row += 16;
    left -= 4;
  }
  if (left) storeUpTo(row, f32x4.mul(loadUpTo(row, left), factors), left);
}

/**
 * `output = softmax(scale · q · kᵀ + mask) · v` for each head, and `logSumExp` `[batch, heads, queryTime]`.
 * Key and value have `capacity ≥ keyTime` rows for each example, of which the first `keyTime` are used.
 * `maskKind`: 0 none, 1 `[batch, keyTime]`, 2 `[batch, queryTime, keyTime]`.
 */
export function attentionForward(
  batch: i32,
  queryTime: i32,
  keyTime: i32,
  capacity: i32,
  heads: i32,
  keyValueHeads: i32,
  headWidth: i32,
  query: usize,
  key: usize,
  value: usize,
  maskKind: i32,
  mask: usize,
  causal: bool,
  scale: f32,
  output: usize,
  logSumExp: usize,
  scratch: usize,
): void {
  const headBytes = <usize>headWidth << 2;
  const queryStride = headBytes * heads;
  const keyStride = headBytes * keyValueHeads;
  const stride = scoreStride(keyTime);
  const group = heads / keyValueHeads;

  const keyPanels = scratch;
  const valuePanels = keyPanels + (<usize>(roundUp8(keyTime) * headWidth) << 2);
  const scores = valuePanels + (<usize>(roundUp8(headWidth) * keyTime) << 2);
  const packed = scores + stride * FORWARD_BLOCK;
  const edge = packed + (<usize>(FORWARD_BLOCK * headWidth) << 2);
  const zeros = edge + EDGE_BYTES;
  v128.store(zeros, f32x4.splat(0));
  v128.store(zeros, f32x4.splat(0), 16);
  const few = queryTime <= FEW_QUERIES;
  const factor = scoreFactor(scale);

  for (let example = 0; example < batch; example++) {
    for (let keyHead = 0; keyHead < keyValueHeads; keyHead++) {
      const keys = key + <usize>example * capacity * keyStride + <usize>keyHead * headBytes;
      const values = value + <usize>example * capacity * keyStride + <usize>keyHead * headBytes;
      if (!few) {
        packColumns(headWidth, keyTime, keys, keyStride, keyPanels);
        packRows(keyTime, headWidth, values, keyStride, valuePanels);
      }
      for (let head = keyHead * group; head < (keyHead + 1) * group; head++) {
        const lseRow = logSumExp + (<usize>(example * heads + head) * queryTime << 2);
        for (let first = 0; first < queryTime; first += FORWARD_BLOCK) {
          const rows = min(FORWARD_BLOCK, queryTime - first);
          const visible = visibleKeys(causal, queryTime, keyTime, first + rows - 1);
          const offset = (<usize>example * queryTime + first) * queryStride + <usize>head * headBytes;
          const queries = query + offset;
          const target = output + offset;
          if (visible > 0) {
            if (few) productByDots(rows, visible, headWidth, queries, queryStride, keys, keyStride, 0, 0, scores, stride);
            else scoresOfBlock(rows, visible, headWidth, queries, queryStride, keyPanels, packed, zeros, scores, stride, edge);
          }
          for (let row = 0; row < rows; row++) {
            const index = first + row;
            const count = visibleKeys(causal, queryTime, keyTime, index);
            const rowScores = scores + <usize>row * stride;
            if (scale <= 0) scaleRow(count, rowScores, scale);
            if (maskKind) hideMasked(count, rowScores, maskRow(maskKind, mask, example, index, queryTime, keyTime));
            // The sum waits in the row's last, unused place.
            store<f32>(rowScores + stride - 4, exponentiateRow(count, visible, rowScores, factor, lseRow + (<usize>index << 2)));
          }
          if (visible > 0) {
            if (few) productByColumns(rows, headWidth, visible, scores, stride, values, keyStride, 0, 0, target, queryStride);
            else productWithPanels(rows, headWidth, visible, scores, stride, stride, true, 4, valuePanels, <usize>keyTime << 5, zeros, 0, 0, target, queryStride, edge);
          }
          for (let row = 0; row < rows; row++) {
            const sum = load<f32>(scores + <usize>row * stride + stride - 4);
            const outputRow = target + <usize>row * queryStride;
            if (sum == 0) memory.fill(outputRow, 0, headBytes);
            else scaleRow(headWidth, outputRow, 1 / sum);
          }
        }
      }
    }
  }
}

@inline
function maskRow(kind: i32, mask: usize, example: i32, index: i32, queryTime: i32, keyTime: i32): usize {
  const row = kind == MASK_BY_QUERY_AND_KEY ? example * queryTime + index : example;
  return mask + (<usize>row * keyTime << 2);
}

/** Σ a · b over a row. */
function dotRow(count: i32, a: usize, b: usize): f32 {
  let sum = f32x4.splat(0);
  let left = <usize>count;
  while (left >= 4) {
    sum = multiplyAdd(v128.load(a), v128.load(b), sum);
    a += 16;
    b += 16;
    left -= 4;
  }
  if (left) sum = multiplyAdd(loadUpTo(a, left), loadUpTo(b, left), sum);
  return sumLanes(sum);
}

/** In place: `scores` become probabilities p = e^(factor · s − lse), `gradients` become scale · p · (gradient − delta). */
function scoreGradientRow(count: i32, padded: i32, scores: usize, gradients: usize, factor: f32, scale: f32, logSumExp: f32, delta: f32): void {
  if (logSumExp == -Infinity) {
    memory.fill(scores, 0, <usize>padded << 2);
    memory.fill(gradients, 0, <usize>padded << 2);
    return;
  }
  const factors = f32x4.splat(factor);
  const scales = f32x4.splat(scale);
  const shift = f32x4.splat(-logSumExp);
  const deltas = f32x4.splat(delta);
  let left = <usize>count;
  while (left >= 4) {
    const p = exp4(multiplyAdd(v128.load(scores), factors, shift));
    v128.store(scores, p);
    v128.store(gradients, f32x4.mul(f32x4.mul(p, scales), f32x4.sub(v128.load(gradients), deltas)));
    scores += 16;
    gradients += 16;
    left -= 4;
  }
  if (left) {
    const p = exp4(multiplyAdd(loadUpTo(scores, left), factors, shift));
    storeUpTo(scores, p, left);
    storeUpTo(gradients, f32x4.mul(f32x4.mul(p, scales), f32x4.sub(loadUpTo(gradients, left), deltas)), left);
    scores += left << 2;
    gradients += left << 2;
  }
  if (padded > count) {
    memory.fill(scores, 0, <usize>(padded - count) << 2);
    memory.fill(gradients, 0, <usize>(padded - count) << 2);
  }
}

/** The gradients of {@link attentionForward} by query, key and value. Probabilities are computed again from `logSumExp`. */
export function attentionBackward(
  batch: i32,
  queryTime: i32,
  keyTime: i32,
  heads: i32,
  keyValueHeads: i32,
  headWidth: i32,
  gradient: usize,
  query: usize,
  key: usize,
  value: usize,
  output: usize,
  logSumExp: usize,
  maskKind: i32,
  mask: usize,
  causal: bool,
  scale: f32,
  queryGradient: usize,
  keyGradient: usize,
  valueGradient: usize,
  scratch: usize,
): void {
  const headBytes = <usize>headWidth << 2;
  const queryStride = headBytes * heads;
  const keyStride = headBytes * keyValueHeads;
  const stride = scoreStride(keyTime);
  const group = heads / keyValueHeads;
  const factor = scoreFactor(scale);
  const keyBytes = <usize>batch * keyTime * keyStride;
  memory.fill(keyGradient, 0, keyBytes);
  memory.fill(valueGradient, 0, keyBytes);

  const byTime = <usize>(roundUp8(keyTime) * headWidth) << 2;
  const keyColumns = scratch;
  const valueColumns = keyColumns + byTime;
  const keyRows = valueColumns + byTime;
  const queryRows = keyRows + (<usize>(roundUp8(headWidth) * keyTime) << 2);
  const gradientRows = queryRows + (<usize>(BACKWARD_BLOCK * roundUp8(headWidth)) << 2);
  const scores = gradientRows + (<usize>(BACKWARD_BLOCK * roundUp8(headWidth)) << 2);
  const scoreGradients = scores + stride * BACKWARD_BLOCK;
  const packed = scoreGradients + stride * BACKWARD_BLOCK;
  const edge = packed + (<usize>(BACKWARD_BLOCK * headWidth) << 2);
  const zeros = edge + EDGE_BYTES;
  v128.store(zeros, f32x4.splat(0));
  v128.store(zeros, f32x4.splat(0), 16);

  for (let example = 0; example < batch; example++) {
    for (let keyHead = 0; keyHead < keyValueHeads; keyHead++) {
      const keyOffset = <usize>example * keyTime * keyStride + <usize>keyHead * headBytes;
      packColumns(headWidth, keyTime, key + keyOffset, keyStride, keyColumns);
      packColumns(headWidth, keyTime, value + keyOffset, keyStride, valueColumns);
      packRows(keyTime, headWidth, key + keyOffset, keyStride, keyRows);
      const keyTarget = keyGradient + keyOffset;
      const valueTarget = valueGradient + keyOffset;
      for (let head = keyHead * group; head < (keyHead + 1) * group; head++) {
        const lseRow = logSumExp + (<usize>(example * heads + head) * queryTime << 2);
        for (let first = 0; first < queryTime; first += BACKWARD_BLOCK) {
          const rows = min(BACKWARD_BLOCK, queryTime - first);
          const visible = visibleKeys(causal, queryTime, keyTime, first + rows - 1);
          const offset = (<usize>example * queryTime + first) * queryStride + <usize>head * headBytes;
          const queries = query + offset;
          const gradients = gradient + offset;
          if (visible == 0) {
            for (let row = 0; row < rows; row++) memory.fill(queryGradient + offset + <usize>row * queryStride, 0, headBytes);
            continue;
          }
          scoresOfBlock(rows, visible, headWidth, queries, queryStride, keyColumns, packed, zeros, scores, stride, edge);
          scoresOfBlock(rows, visible, headWidth, gradients, queryStride, valueColumns, packed, zeros, scoreGradients, stride, edge);
          for (let row = 0; row < rows; row++) {
            const index = first + row;
            const count = visibleKeys(causal, queryTime, keyTime, index);
            const rowScores = scores + <usize>row * stride;
            const rowBytes = <usize>row * queryStride;
            if (scale <= 0) scaleRow(count, rowScores, scale);
            if (maskKind) hideMasked(count, rowScores, maskRow(maskKind, mask, example, index, queryTime, keyTime));
            scoreGradientRow(
              count, visible, rowScores, scoreGradients + <usize>row * stride, factor, scale,
              load<f32>(lseRow + (<usize>index << 2)), dotRow(headWidth, gradients + rowBytes, output + offset + rowBytes),
            );
          }
          productWithPanels(rows, headWidth, visible, scoreGradients, stride, stride, true, 4, keyRows, <usize>keyTime << 5, zeros, 0, 0, queryGradient + offset, queryStride, edge);
          packRows(rows, headWidth, queries, queryStride, queryRows);
          packRows(rows, headWidth, gradients, queryStride, gradientRows);
          const panelBytes = <usize>rows << 5;
          productWithPanels(visible, headWidth, rows, scoreGradients, stride, 4, false, DEPTH_MAJOR_ROWS, queryRows, panelBytes, keyTarget, keyStride, 1, keyTarget, keyStride, edge);
          productWithPanels(visible, headWidth, rows, scores, stride, 4, false, DEPTH_MAJOR_ROWS, gradientRows, panelBytes, valueTarget, keyStride, 1, valueTarget, keyStride, edge);
        }
      }
    }
  }
}
