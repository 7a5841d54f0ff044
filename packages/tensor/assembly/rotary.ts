import { loadUpTo, multiplyAdd, negativeMultiplyAdd, storeUpTo } from './vector';

/**
 * Rotates each head's pairs (i, i + D/2) by the angle of its place: `y₁ = x₁ cos − x₂ sin`, `y₂ = x₂ cos + x₁ sin`;
 * with `inverse` by the opposite angle. cos and sin are `[tableBatch, time, headWidth / 2]`, tableBatch 1 or `batch`.
 */
export function rotary(
  batch: i32, time: i32, heads: i32, headWidth: i32, input: usize, cos: usize, sin: usize, tableBatch: i32, inverse: bool, output: usize,
): void {
  const half = <usize>(headWidth >> 1);
  const halfBytes = half << 2;
  const sign = f32x4.splat(inverse ? -1.0 : 1.0);
  for (let example = 0; example < batch; example++) {
    const first: usize = tableBatch == 1 ? 0 : <usize>example * time * halfBytes;
    for (let place = 0; place < time; place++) {
      const angle = first + <usize>place * halfBytes;
      for (let head = 0; head < heads; head++) {
        let cosine = cos + angle, sine = sin + angle;
        let left = half;
        while (left >= 4) {
          const c = v128.load(cosine), s = f32x4.mul(v128.load(sine), sign);
          const x = v128.load(input), y = v128.load(input + halfBytes);
          v128.store(output, negativeMultiplyAdd(y, s, f32x4.mul(x, c)));
          v128.store(output + halfBytes, multiplyAdd(x, s, f32x4.mul(y, c)));
          cosine += 16;
          sine += 16;
          input += 16;
          output += 16;
          left -= 4;
        }
        if (left) {
          const c = loadUpTo(cosine, left), s = f32x4.mul(loadUpTo(sine, left), sign);
          const x = loadUpTo(input, left), y = loadUpTo(input + halfBytes, left);
          storeUpTo(output, negativeMultiplyAdd(y, s, f32x4.mul(x, c)), left);
          storeUpTo(output + halfBytes, multiplyAdd(x, s, f32x4.mul(y, c)), left);
          input += left << 2;
          output += left << 2;
        }
        input += halfBytes;
        output += halfBytes;
      }
    }
  }
}
