/** Layer norm and RMS norm over the rows of `[rows, width]`, forward and backward. */
import { loadUpTo, multiplyAdd, negativeMultiplyAdd, storeUpTo, sumLanes } from './vector';

/** Rows whose gradients of scale and bias are summed in float32 before they join the total. */
const ROW_BLOCK: i32 = 64;

function sum(width: usize, x: usize): f32 {
  let a = f32x4.splat(0), b = a;
  while (width >= 8) {
    a = f32x4.add(a, v128.load(x));
    b = f32x4.add(b, v128.load(x, 16));
    x += 32;
    width -= 8;
  }
  a = f32x4.add(a, b);
  while (width >= 4) {
    a = f32x4.add(a, v128.load(x));
    x += 16;
    width -= 4;
  }
  if (width) a = f32x4.add(a, loadUpTo(x, width));
  return sumLanes(a);
}

/** Σ (x − centre)². */
function squaredDeviation(width: usize, x: usize, centre: f32): f32 {
  const c = f32x4.splat(centre);
  let a = f32x4.splat(0), b = a;
  while (width >= 8) {
    const d = f32x4.sub(v128.load(x), c), e = f32x4.sub(v128.load(x, 16), c);
    a = multiplyAdd(d, d, a);
    b = multiplyAdd(e, e, b);
    x += 32;
    width -= 8;
  }
  a = f32x4.add(a, b);
  let total: f32 = 0;
  while (width >= 4) {
    const d = f32x4.sub(v128.load(x), c);
    a = multiplyAdd(d, d, a);
    x += 16;
    width -= 4;
  }
  for (; width; width--) {
    const d = load<f32>(x) - centre;
    total += d * d;
    x += 4;
  }
  return total + sumLanes(a);
}

/** `output = (x − mean) · inverseDeviation · scale + bias`, with mean `[rows]` and inverseDeviation `[rows]` = 1 / √(variance + ε). */
export function layerNormForward(rows: i32, columns: i32, epsilon: f32, input: usize, scale: usize, bias: usize, output: usize, mean: usize, inverseDeviation: usize): void {
  const width = <usize>columns;
  for (let row = 0; row < rows; row++) {
    const centre = sum(width, input) / <f32>columns;
    const inverse: f32 = 1 / sqrt<f32>(squaredDeviation(width, input, centre) / <f32>columns + epsilon);
    store<f32>(mean, centre);
    store<f32>(inverseDeviation, inverse);
    mean += 4;
    inverseDeviation += 4;
    const c = f32x4.splat(centre), s = f32x4.splat(inverse);
    let left = width, weight = scale, shift = bias;
    while (left >= 4) {
      v128.store(output, multiplyAdd(f32x4.mul(f32x4.sub(v128.load(input), c), s), v128.load(weight), v128.load(shift)));
      input += 16;
      output += 16;
      weight += 16;
      shift += 16;
      left -= 4;
    }
    if (left) {
      storeUpTo(output, multiplyAdd(f32x4.mul(f32x4.sub(loadUpTo(input, left), c), s), loadUpTo(weight, left), loadUpTo(shift, left)), left);
      input += left << 2;
      output += left << 2;
    }
  }
}

/** `total += part; part = 0`. */
function flush(width: usize, part: usize, total: usize): void {
  while (width >= 4) {
    v128.store(total, f32x4.add(v128.load(total), v128.load(part)));
    v128.store(part, f32x4.splat(0));
    part += 16;
    total += 16;
    width -= 4;
  }
  if (width) {
    storeUpTo(total, f32x4.add(loadUpTo(total, width), loadUpTo(part, width)), width);
    storeUpTo(part, f32x4.splat(0), width);
  }
}

/**
 * With x̂ = (x − mean) · inverseDeviation and h = gradient · scale:
 * `inputGradient = inverseDeviation · (h − mean(h) − x̂ · mean(h · x̂))`, `scaleGradient = Σ gradient · x̂`,
 * `biasGradient = Σ gradient`. `scratch` holds two rows.
 */
export function layerNormBackward(
  rows: i32, columns: i32, gradient: usize, input: usize, scale: usize, mean: usize, inverseDeviation: usize,
  inputGradient: usize, scaleGradient: usize, biasGradient: usize, scratch: usize,
): void {
  const width = <usize>columns;
  const bytes = width << 2;
  const scalePart = scratch, biasPart = scratch + bytes;
  memory.fill(scratch, 0, bytes * 2);
  memory.fill(scaleGradient, 0, bytes);
  memory.fill(biasGradient, 0, bytes);
  for (let row = 0; row < rows; row++) {
    const inverse = load<f32>(inverseDeviation);
    const c = f32x4.splat(load<f32>(mean)), s = f32x4.splat(inverse);
    let sumH = f32x4.splat(0), sumHX = sumH;
    let at: usize = 0;
    let left = width;
    while (left >= 4) {
      const g = v128.load(gradient + at);
      const x = f32x4.mul(f32x4.sub(v128.load(input + at), c), s);
      const h = f32x4.mul(g, v128.load(scale + at));
      sumH = f32x4.add(sumH, h);
      sumHX = multiplyAdd(h, x, sumHX);
      v128.store(scalePart + at, multiplyAdd(g, x, v128.load(scalePart + at)));
      v128.store(biasPart + at, f32x4.add(g, v128.load(biasPart + at)));
      at += 16;
      left -= 4;
    }
    if (left) {
      const g = loadUpTo(gradient + at, left);
      const x = f32x4.mul(f32x4.sub(loadUpTo(input + at, left), c), s);
      const h = f32x4.mul(g, loadUpTo(scale + at, left));
      sumH = f32x4.add(sumH, h);
      sumHX = multiplyAdd(h, x, sumHX);
      storeUpTo(scalePart + at, multiplyAdd(g, x, loadUpTo(scalePart + at, left)), left);
      storeUpTo(biasPart + at, f32x4.add(g, loadUpTo(biasPart + at, left)), left);
    }
    const meanH = f32x4.splat(sumLanes(sumH) / <f32>columns);
    const meanHX = f32x4.splat(sumLanes(sumHX) / <f32>columns);
    at = 0;
    left = width;
    while (left >= 4) {
      const x = f32x4.mul(f32x4.sub(v128.load(input + at), c), s);
      const h = f32x4.mul(v128.load(gradient + at), v128.load(scale + at));
      v128.store(inputGradient + at, f32x4.mul(s, negativeMultiplyAdd(x, meanHX, f32x4.sub(h, meanH))));
      at += 16;
      left -= 4;
    }
    if (left) {
      const x = f32x4.mul(f32x4.sub(loadUpTo(input + at, left), c), s);
      const h = f32x4.mul(loadUpTo(gradient + at, left), loadUpTo(scale + at, left));
      storeUpTo(inputGradient + at, f32x4.mul(s, negativeMultiplyAdd(x, meanHX, f32x4.sub(h, meanH))), left);
    }
    gradient += bytes;
    input += bytes;
    inputGradient += bytes;
    mean += 4;
    inverseDeviation += 4;
    if ((row + 1) % ROW_BLOCK == 0 || row + 1 == rows) {
      flush(width, scalePart, scaleGradient);
      flush(width, biasPart, biasGradient);
    }
  }
}

/** `output = x · inverseDeviation · scale`, with inverseDeviation `[rows]` = 1 / √(mean(x²) + ε). */
export function rmsNormForward(rows: i32, columns: i32, epsilon: f32, input: usize, scale: usize, output: usize, inverseDeviation: usize): void {
  const width = <usize>columns;
  for (let row = 0; row < rows; row++) {
    const inverse: f32 = 1 / sqrt<f32>(squaredDeviation(width, input, 0) / <f32>columns + epsilon);
    store<f32>(inverseDeviation, inverse);
    inverseDeviation += 4;
    const s = f32x4.splat(inverse);
    let left = width, weight = scale;
    while (left >= 4) {
      v128.store(output, f32x4.mul(f32x4.mul(v128.load(input), s), v128.load(weight)));
      input += 16;
      output += 16;
      weight += 16;
      left -= 4;
    }
    if (left) {
      storeUpTo(output, f32x4.mul(f32x4.mul(loadUpTo(input, left), s), loadUpTo(weight, left)), left);
      input += left << 2;
      output += left << 2;
    }
  }
}

/**
 * With x̂ = x · inverseDeviation and h = gradient · scale: `inputGradient = inverseDeviation · (h − x̂ · mean(h · x̂))`,
 * `scaleGradient = Σ gradient · x̂`. `scratch` holds one row.
 */
export function rmsNormBackward(
  rows: i32, columns: i32, gradient: usize, input: usize, scale: usize, inverseDeviation: usize,
  inputGradient: usize, scaleGradient: usize, scratch: usize,
): void {
  const width = <usize>columns;
  const bytes = width << 2;
  memory.fill(scratch, 0, bytes);
  memory.fill(scaleGradient, 0, bytes);
  for (let row = 0; row < rows; row++) {
    const s = f32x4.splat(load<f32>(inverseDeviation));
    let sumHX = f32x4.splat(0);
    let at: usize = 0;
    let left = width;
    while (left >= 4) {
      const g = v128.load(gradient + at);
      const x = f32x4.mul(v128.load(input + at), s);
      sumHX = multiplyAdd(f32x4.mul(g, v128.load(scale + at)), x, sumHX);
      v128.store(scratch + at, multiplyAdd(g, x, v128.load(scratch + at)));
      at += 16;
      left -= 4;
    }
    if (left) {
      const g = loadUpTo(gradient + at, left);
      const x = f32x4.mul(loadUpTo(input + at, left), s);
      sumHX = multiplyAdd(f32x4.mul(g, loadUpTo(scale + at, left)), x, sumHX);
      storeUpTo(scratch + at, multiplyAdd(g, x, loadUpTo(scratch + at, left)), left);
    }
    const meanHX = f32x4.splat(sumLanes(sumHX) / <f32>columns);
    at = 0;
    left = width;
    while (left >= 4) {
      const x = f32x4.mul(v128.load(input + at), s);
      const h = f32x4.mul(v128.load(gradient + at), v128.load(scale + at));
      v128.store(inputGradient + at, f32x4.mul(s, negativeMultiplyAdd(x, meanHX, h)));
      at += 16;
      left -= 4;
    }
    if (left) {
      const x = f32x4.mul(loadUpTo(input + at, left), s);
      const h = f32x4.mul(loadUpTo(gradient + at, left), loadUpTo(scale + at, left));
      storeUpTo(inputGradient + at, f32x4.mul(s, negativeMultiplyAdd(x, meanHX, h)), left);
    }
    gradient += bytes;
    input += bytes;
    inputGradient += bytes;
    inverseDeviation += 4;
    if ((row + 1) % ROW_BLOCK == 0 || row + 1 == rows) flush(width, scratch, scaleGradient);
  }
}
