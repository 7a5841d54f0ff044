/** Building blocks of every kernel: four float32 lanes, and partial vectors at a row's end. */

/** a · b + c: one rounding in the module built with relaxed SIMD, two in the plain one. */
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<f32>(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** c − a · b. */
@inline
export function negativeMultiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_nmadd<f32>(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/** The sum of the four lanes, in a fixed order. */
@inline
export function sumLanes(a: v128): f32 {
  const half = f32x4.add(a, v128.shuffle<f32>(a, a, 2, 3, 0, 1));
  return f32x4.extract_lane(half, 0) + f32x4.extract_lane(half, 1);
}

/** The largest of the four lanes; a NaN lane may be lost. */
@inline
export function maxLanes(a: v128): f32 {
  const half = f32x4.max(a, v128.shuffle<f32>(a, a, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.max(half, v128.shuffle<f32>(half, half, 1, 0, 3, 2)), 0);
}

/** The first `count` (1, 2 or 3) lanes at `address`; the others are 0. Reads nothing beyond them. */
@inline
export function loadPartial(address: usize, count: usize): v128 {
  if (count == 1) return v128.load32_zero(address);
  const two = v128.load64_zero(address);
  if (count == 2) return two;
  return v128.load_lane<f32>(address, two, 2, 8);
}

/** Writes the first `count` (1, 2 or 3) lanes of `value`. */
@inline
export function storePartial(address: usize, value: v128, count: usize): void {
  if (count == 1) {
    v128.store_lane<f32>(address, value, 0);
    return;
  }
  v128.store_lane<u64>(address, value, 0);
  if (count == 3) v128.store_lane<f32>(address, value, 2, 8);
}

/** Four elements, or the first `left` of them where fewer are left. */
@inline
export function loadUpTo(address: usize, left: usize): v128 {
  return left >= 4 ? v128.load(address) : loadPartial(address, left);
}

@inline
export function storeUpTo(address: usize, value: v128, left: usize): void {
  if (left >= 4) v128.store(address, value);
  else storePartial(address, value, left);
}
