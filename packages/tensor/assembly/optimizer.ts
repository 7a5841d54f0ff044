import { loadUpTo, multiplyAdd, storeUpTo } from './vector';

/** `value`, with subnormal numbers replaced by 0: a moment that decays without gradients would else become slow to compute with. */
@inline
function withoutSubnormals(value: v128): v128 {
  return v128.andnot(value, f32x4.lt(f32x4.abs(value), f32x4.splat(1.17549435e-38)));
}

/**
 * One AdamW step in place: with g = gradient · gradientScale,
 * `p = p · keep; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; p −= stepSize · m / (√v · inverseRootCorrection + ε)`,
 * where keep = 1 − lr · decay, stepSize = lr / (1−β₁ᵗ) and inverseRootCorrection = 1 / √(1−β₂ᵗ).
 */
export function adamW(
  count: usize, parameter: usize, gradient: usize, firstMoment: usize, secondMoment: usize,
  gradientScale: f32, keep: f32, beta1: f32, oneMinusBeta1: f32, beta2: f32, oneMinusBeta2: f32, stepSize: f32, inverseRootCorrection: f32, epsilon: f32,
): void {
  const scales = f32x4.splat(gradientScale), keeps = f32x4.splat(keep);
  const b1 = f32x4.splat(beta1), c1 = f32x4.splat(oneMinusBeta1), b2 = f32x4.splat(beta2), c2 = f32x4.splat(oneMinusBeta2);
  const size = f32x4.splat(-stepSize), correction = f32x4.splat(inverseRootCorrection), e = f32x4.splat(epsilon);
  while (count > 0) {
    const left = count < 4 ? count : 4;
    const g = f32x4.mul(loadUpTo(gradient, left), scales);
    const m = withoutSubnormals(multiplyAdd(b1, loadUpTo(firstMoment, left), f32x4.mul(c1, g)));
    const v = withoutSubnormals(multiplyAdd(b2, loadUpTo(secondMoment, left), f32x4.mul(f32x4.mul(c2, g), g)));
    const change = f32x4.div(f32x4.mul(size, m), multiplyAdd(f32x4.sqrt(v), correction, e));
    storeUpTo(firstMoment, m, left);
    storeUpTo(secondMoment, v, left);
    storeUpTo(parameter, multiplyAdd(loadUpTo(parameter, left), keeps, change), left);
    parameter += 16;
    gradient += 16;
    firstMoment += 16;
    secondMoment += 16;
    count -= left;
  }
}
