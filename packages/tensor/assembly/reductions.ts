/** Sums with a fixed order. */
import { loadPartial, loadUpTo, storeUpTo } from './vector';

/** Rows summed in float32 before they join the total: keeps the error of a long sum that of a short one. */
const ROW_BLOCK: i32 = 64;

function sumColumns16(rows: i32, input: usize, stride: usize, output: usize): void {
  let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0;
  while (rows > 0) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    const end = input + <usize>min(rows, ROW_BLOCK) * stride;
    while (input != end) {
      s0 = f32x4.add(s0, v128.load(input));
      s1 = f32x4.add(s1, v128.load(input, 16));
      s2 = f32x4.add(s2, v128.load(input, 32));
      s3 = f32x4.add(s3, v128.load(input, 48));
      input += stride;
    }
    t0 = f32x4.add(t0, s0);
    t1 = f32x4.add(t1, s1);
    t2 = f32x4.add(t2, s2);
    t3 = f32x4.add(t3, s3);
    rows -= ROW_BLOCK;
  }
  v128.store(output, t0);
  v128.store(output, t1, 16);
  v128.store(output, t2, 32);
  v128.store(output, t3, 48);
}

function sumColumns4(rows: i32, width: usize, input: usize, stride: usize, output: usize): void {
  let total = f32x4.splat(0);
  while (rows > 0) {
    let sum = f32x4.splat(0);
    const end = input + <usize>min(rows, ROW_BLOCK) * stride;
    while (input != end) {
      sum = f32x4.add(sum, loadUpTo(input, width));
      input += stride;
    }
    total = f32x4.add(total, sum);
    rows -= ROW_BLOCK;
  }
  storeUpTo(output, total, width);
}

/** `output[column] = Σ over rows of input[row, column]`. */
export function columnSums(rows: i32, columns: i32, input: usize, output: usize): void {
  const stride = <usize>columns << 2;
  let column = 0;
  for (; column + 16 <= columns; column += 16) sumColumns16(rows, input + (<usize>column << 2), stride, output + (<usize>column << 2));
  for (; column < columns; column += 4) {
    sumColumns4(rows, columns - column, input + (<usize>column << 2), stride, output + (<usize>column << 2));
  }
}

/** Σ x², each product and the sum in float64. */
export function sumOfSquares(count: usize, input: usize): f64 {
  let low = f64x2.splat(0), high = low;
  for (; count >= 4; count -= 4) {
    const x = v128.load(input);
    const a = f64x2.promote_low_f32x4(x);
    const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
    input += 16;
  }
  if (count) {
    const x = loadPartial(input, count);
    const a = f64x2.promote_low_f32x4(x);
    const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
