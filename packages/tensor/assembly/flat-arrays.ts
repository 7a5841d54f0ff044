/**
 * Loops over flat float32 arrays on the host's side of training, in float64 without fused multiply-add: the same bits as
 * the JavaScript they stand for, on any machine.
 */

/** `target += source`. */
export function addInto(count: usize, target: usize, source: usize): void {
  for (; count >= 4; count -= 4) {
    v128.store(target, f32x4.add(v128.load(target), v128.load(source)));
    target += 16;
    source += 16;
  }
  for (; count > 0; count--) {
    store<f32>(target, load<f32>(target) + load<f32>(source));
    target += 4;
    source += 4;
  }
}

/**
 * One AdamW step in place, in float64: with g = gradient · gradientScale,
 * `m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; p = p · keep − lr · m · correction1 / (√(v · correction2) + ε)`, where m and v
 * enter p before they are rounded to float32.
 */
export function adamWInDoubles(
  count: usize, parameter: usize, gradient: usize, firstMoment: usize, secondMoment: usize,
  gradientScale: f64, keep: f64, beta1: f64, oneMinusBeta1: f64, beta2: f64, oneMinusBeta2: f64, learningRate: f64, correction1: f64, correction2: f64, epsilon: f64,
): void {
  const scales = f64x2.splat(gradientScale), keeps = f64x2.splat(keep);
  const b1 = f64x2.splat(beta1), c1 = f64x2.splat(oneMinusBeta1), b2 = f64x2.splat(beta2), c2 = f64x2.splat(oneMinusBeta2);
  const rate = f64x2.splat(learningRate), first1 = f64x2.splat(correction1), second1 = f64x2.splat(correction2), e = f64x2.splat(epsilon);
  for (; count >= 2; count -= 2) {
    const g = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(gradient)), scales);
    const m = f64x2.add(f64x2.mul(b1, f64x2.promote_low_f32x4(v128.load64_zero(firstMoment))), f64x2.mul(c1, g));
    const v = f64x2.add(f64x2.mul(b2, f64x2.promote_low_f32x4(v128.load64_zero(secondMoment))), f64x2.mul(f64x2.mul(c2, g), g));
    const change = f64x2.div(f64x2.mul(f64x2.mul(rate, m), first1), f64x2.add(f64x2.sqrt(f64x2.mul(v, second1)), e));
    const p = f64x2.sub(f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(parameter)), keeps), change);
    v128.store_lane<u64>(firstMoment, f32x4.demote_f64x2_zero(m), 0);
    v128.store_lane<u64>(secondMoment, f32x4.demote_f64x2_zero(v), 0);
    v128.store_lane<u64>(parameter, f32x4.demote_f64x2_zero(p), 0);
    parameter += 8;
    gradient += 8;
    firstMoment += 8;
    secondMoment += 8;
  }
  if (count > 0) {
    const g = <f64>load<f32>(gradient) * gradientScale;
    const m = beta1 * <f64>load<f32>(firstMoment) + oneMinusBeta1 * g;
    const v = beta2 * <f64>load<f32>(secondMoment) + oneMinusBeta2 * g * g;
    store<f32>(firstMoment, <f32>m);
    store<f32>(secondMoment, <f32>v);
    store<f32>(parameter, <f32>(<f64>load<f32>(parameter) * keep - learningRate * m * correction1 / (sqrt<f64>(v * correction2) + epsilon)));
  }
}
