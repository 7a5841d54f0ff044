/** Cross-entropy over ids, without one-hot vectors or stored probabilities. */
import { exp4 } from './functions';
import { log } from './scalar-functions';
import { loadUpTo, maxLanes, storeUpTo, sumLanes } from './vector';

/** The largest of a row; may lose a NaN, which then shows in the sum. */
function largest(count: usize, x: usize): f32 {
  let a = f32x4.splat(-Infinity), b = a;
  while (count >= 8) {
    a = f32x4.pmax(a, v128.load(x));
    b = f32x4.pmax(b, v128.load(x, 16));
    x += 32;
    count -= 8;
  }
  let result = maxLanes(f32x4.pmax(a, b));
  for (; count; count--) {
    result = max(result, load<f32>(x));
    x += 4;
  }
  return result;
}

/** Σ e^(x − shift). */
function sumOfExponentials(count: usize, x: usize, shift: f32): f32 {
  const s = f32x4.splat(shift);
  let a = f32x4.splat(0), b = a;
  while (count >= 8) {
    a = f32x4.add(a, exp4(f32x4.sub(v128.load(x), s)));
    b = f32x4.add(b, exp4(f32x4.sub(v128.load(x, 16), s)));
    x += 32;
    count -= 8;
  }
  if (count >= 4) {
    a = f32x4.add(a, exp4(f32x4.sub(v128.load(x), s)));
    x += 16;
    count -= 4;
  }
  let total = sumLanes(f32x4.add(a, b));
  if (count) {
    const e = exp4(f32x4.sub(loadUpTo(x, count), s));
    total += f32x4.extract_lane(e, 0);
    if (count > 1) total += f32x4.extract_lane(e, 1);
    if (count > 2) total += f32x4.extract_lane(e, 2);
  }
  return total;
}

/**
 * `losses = logSumExp(logits) − logits[label]` by row; 0 where the label is `ignoreIndex`, NaN where it is out of range.
 * `logSumExp` `[rows]` is what {@link crossEntropyBackward} needs.
 */
export function crossEntropyForward(rows: i32, vocabulary: i32, ignoreIndex: i32, logits: usize, labels: usize, losses: usize, logSumExp: usize): void {
  const width = <usize>vocabulary;
  for (let row = 0; row < rows; row++) {
    const offset = <usize>row << 2;
    const label = load<i32>(labels + offset);
    if (label == ignoreIndex) {
      store<f32>(losses + offset, 0);
      store<f32>(logSumExp + offset, 0);
    } else {
      const highest = largest(width, logits);
      const total = <f64>highest + log(<f64>sumOfExponentials(width, logits, highest));
      store<f32>(logSumExp + offset, <f32>total);
      const inRange = <u32>label < <u32>vocabulary;
      store<f32>(losses + offset, inRange ? <f32>(total - <f64>load<f32>(logits + (<usize>label << 2))) : NaN);
    }
    logits += width << 2;
  }
}

/** `logitsGradient = (softmax(logits) − onehot(label)) · gradient` by row; 0 in ignored rows. */
export function crossEntropyBackward(
  rows: i32, vocabulary: i32, ignoreIndex: i32, gradient: usize, logits: usize, labels: usize, logSumExp: usize, logitsGradient: usize,
): void {
  const width = <usize>vocabulary;
  for (let row = 0; row < rows; row++) {
    const offset = <usize>row << 2;
    const label = load<i32>(labels + offset);
    if (label == ignoreIndex) memory.fill(logitsGradient, 0, width << 2);
    else {
      const factor = load<f32>(gradient + offset);
      const g = f32x4.splat(factor), s = f32x4.splat(load<f32>(logSumExp + offset));
      let from = logits, to = logitsGradient;
      let left = width;
      while (left >= 4) {
        v128.store(to, f32x4.mul(g, exp4(f32x4.sub(v128.load(from), s))));
        from += 16;
        to += 16;
        left -= 4;
      }
      if (left) storeUpTo(to, f32x4.mul(g, exp4(f32x4.sub(loadUpTo(from, left), s))), left);
      if (<u32>label < <u32>vocabulary) {
        const place = logitsGradient + (<usize>label << 2);
        store<f32>(place, load<f32>(place) - factor);
      }
    }
    logits += width << 2;
    logitsGradient += width << 2;
  }
}
