/**
 * exp, tanh, erf and the activations built on them, four float32 at a time. NaN goes through: `pmin(x, bound)` and
 * `pmax(x, bound)` give x where x is NaN.
 */
import { multiplyAdd, negativeMultiplyAdd } from './vector';

/**
 * eˣ, relative error < 2e-7 (Cody–Waite reduction by ln 2 in two parts, then Cephes' polynomial for expf).
 * Below −86.99 the result is 0 (no subnormal numbers, which are slow), above 88.73 ∞.
 */
@inline
export function exp4(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(89.0)), f32x4.splat(-87.3));
  // Adding 1.5 · 2²³ rounds to an integer, which then stands in the low bits.
  const shifted = multiplyAdd(x, f32x4.splat(1.44269504088896341), f32x4.splat(12582912.0));
  const whole = f32x4.sub(shifted, f32x4.splat(12582912.0));
  let r = negativeMultiplyAdd(whole, f32x4.splat(0.693359375), x);
  r = negativeMultiplyAdd(whole, f32x4.splat(-2.12194440e-4), r);
  let p = f32x4.splat(1.9875691500e-4);
  p = multiplyAdd(p, r, f32x4.splat(1.3981999507e-3));
  p = multiplyAdd(p, r, f32x4.splat(8.3334519073e-3));
  p = multiplyAdd(p, r, f32x4.splat(4.1665795894e-2));
  p = multiplyAdd(p, r, f32x4.splat(1.6666665459e-1));
  p = multiplyAdd(p, r, f32x4.splat(5.0000001201e-1));
  p = multiplyAdd(p, f32x4.mul(r, r), r);
  p = f32x4.add(p, f32x4.splat(1.0));
  // 2 · p · 2ⁿ⁻¹: n − 1 is in range for n = 128, and gives 0 for n = −126.
  const half = i32x4.shl(i32x4.sub(shifted, i32x4.splat(0x4b400000 - 126)), 23);
  return f32x4.mul(f32x4.add(p, p), half);
}

/** `value`, or ±1 with the sign of x where |x| > bound. */
@inline
function saturate(value: v128, x: v128, bound: f32): v128 {
  const signedOne = v128.or(v128.and(x, f32x4.splat(-0.0)), f32x4.splat(1.0));
  return v128.bitselect(signedOne, value, f32x4.gt(f32x4.abs(x), f32x4.splat(bound)));
}

/** tanh, absolute error < 3e-7: a rational function of odd degree 13 over even degree 6, as Eigen's `ptanh`. */
@inline
export function tanh4(argument: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(argument, f32x4.splat(7.90531110763549805)), f32x4.splat(-7.90531110763549805));
  const x2 = f32x4.mul(x, x);
  let p = multiplyAdd(x2, f32x4.splat(-2.76076847742355e-16), f32x4.splat(2.00018790482477e-13));
  p = multiplyAdd(x2, p, f32x4.splat(-8.60467152213735e-11));
  p = multiplyAdd(x2, p, f32x4.splat(5.12229709037114e-8));
  p = multiplyAdd(x2, p, f32x4.splat(1.48572235717979e-5));
  p = multiplyAdd(x2, p, f32x4.splat(6.37261928875436e-4));
  p = multiplyAdd(x2, p, f32x4.splat(4.89352455891786e-3));
  let q = multiplyAdd(x2, f32x4.splat(1.19825839466702e-6), f32x4.splat(1.18534705686654e-4));
  q = multiplyAdd(x2, q, f32x4.splat(2.26843463243900e-3));
  q = multiplyAdd(x2, q, f32x4.splat(4.89352518554385e-3));
  return saturate(f32x4.div(f32x4.mul(x, p), q), argument, 7.90531110763549805);
}

/** erf, absolute error < 3e-7: a rational function of odd degree 13 over even degree 8, as Eigen's float `erf`. */
@inline
export function erf4(argument: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(argument, f32x4.splat(4.0)), f32x4.splat(-4.0));
  const x2 = f32x4.mul(x, x);
  let p = multiplyAdd(x2, f32x4.splat(-2.72614225801306e-10), f32x4.splat(2.77068142495902e-8));
  p = multiplyAdd(x2, p, f32x4.splat(-2.10102402082508e-6));
  p = multiplyAdd(x2, p, f32x4.splat(-5.69250639462346e-5));
  p = multiplyAdd(x2, p, f32x4.splat(-7.34990630326855e-4));
  p = multiplyAdd(x2, p, f32x4.splat(-2.95459980854025e-3));
  p = multiplyAdd(x2, p, f32x4.splat(-1.60960333262415e-2));
  let q = multiplyAdd(x2, f32x4.splat(-1.45660718464996e-5), f32x4.splat(-2.13374055278905e-4));
  q = multiplyAdd(x2, q, f32x4.splat(-1.68282697438203e-3));
  q = multiplyAdd(x2, q, f32x4.splat(-7.37332916720468e-3));
  q = multiplyAdd(x2, q, f32x4.splat(-1.42647390514189e-2));
  return saturate(f32x4.div(f32x4.mul(x, p), q), argument, 4.0);
}

/** σ(x) = 1 / (1 + e⁻ˣ). */
@inline
export function sigmoid4(x: v128): v128 {
  return f32x4.div(f32x4.splat(1.0), f32x4.add(f32x4.splat(1.0), exp4(f32x4.neg(x))));
}

// The activations' numbers, as src/kernels/activation-codes.ts gives them.
export const NONE: i32 = 0;
export const GELU: i32 = 1;
export const GELU_TANH: i32 = 2;
export const QUICK_GELU: i32 = 3;
export const SILU: i32 = 4;
export const RELU: i32 = 5;
export const TANH: i32 = 6;

/** activation(x). */
@inline
export function activate4(activation: i32, x: v128): v128 {
  if (activation == GELU) {
    const half = f32x4.mul(x, f32x4.splat(0.5));
    return multiplyAdd(half, erf4(f32x4.mul(x, f32x4.splat(0.70710678118654752))), half);
  }
  if (activation == GELU_TANH) {
    // ½ (1 + tanh u) = σ(2u)
    const twice = f32x4.mul(x, multiplyAdd(f32x4.mul(x, x), f32x4.splat(0.071354816272600246), f32x4.splat(1.5957691216057307)));
    return f32x4.mul(x, sigmoid4(twice));
  }
  if (activation == QUICK_GELU) return f32x4.mul(x, sigmoid4(f32x4.mul(x, f32x4.splat(1.702))));
  if (activation == SILU) return f32x4.mul(x, sigmoid4(x));
  if (activation == RELU) return f32x4.pmax(x, f32x4.splat(0.0));
  if (activation == TANH) return tanh4(x);
  return x;
}

/** d activation(x) / dx. */
@inline
export function derivative4(activation: i32, x: v128): v128 {
  const one = f32x4.splat(1.0);
  if (activation == GELU) {
    // Φ(x) + x φ(x)
    const half = f32x4.splat(0.5);
    const cumulative = multiplyAdd(half, erf4(f32x4.mul(x, f32x4.splat(0.70710678118654752))), half);
    const density = f32x4.mul(exp4(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5))), f32x4.splat(0.39894228040143268));
    return multiplyAdd(x, density, cumulative);
  }
  if (activation == GELU_TANH) {
    const x2 = f32x4.mul(x, x);
    const s = sigmoid4(f32x4.mul(x, multiplyAdd(x2, f32x4.splat(0.071354816272600246), f32x4.splat(1.5957691216057307))));
    const twiceDerivative = multiplyAdd(x2, f32x4.splat(0.21406444881780074), f32x4.splat(1.5957691216057307));
    return f32x4.mul(s, multiplyAdd(f32x4.mul(x, f32x4.sub(one, s)), twiceDerivative, one));
  }
  if (activation == QUICK_GELU) {
    const scaled = f32x4.mul(x, f32x4.splat(1.702));
    const s = sigmoid4(scaled);
    return f32x4.mul(s, multiplyAdd(scaled, f32x4.sub(one, s), one));
  }
  if (activation == SILU) {
    const s = sigmoid4(x);
    return f32x4.mul(s, multiplyAdd(x, f32x4.sub(one, s), one));
  }
  // 1 unless x ≤ 0, so that a NaN lets the gradient through, as in PyTorch.
  if (activation == RELU) return v128.andnot(one, f32x4.le(x, f32x4.splat(0.0)));
  if (activation == TANH) {
    const t = tanh4(x);
    return negativeMultiplyAdd(t, t, one);
  }
  return one;
}
