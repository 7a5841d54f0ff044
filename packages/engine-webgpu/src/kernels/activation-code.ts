import type { Activation } from '@subtext/tensor';
import { numberCode } from './number-code';

/*
 * WGSL may assume that no number is infinite or NaN. So nothing here overflows (exponentials are of numbers below 0), and
 * no min, max or clamp, which may drop a NaN, stands between input and output: a bad number stays visible.
 */

const sigmoid = `
fn sigmoid(x: f32) -> f32 {
  let small = exponential(-abs(x));
  return select(small, 1.0, x >= 0.0) / (1.0 + small);
}`;

/** Abramowitz & Stegun 7.1.26, within 1.5e-7: Φ(x) = (1 + erf(x/√2)) / 2, and e^(−x²/2) / √(2π). */
const normal = `
fn density(x: f32) -> f32 { return ${1 / Math.sqrt(2 * Math.PI)} * exponential(-0.5 * x * x); }
fn cumulative(x: f32) -> f32 {
  let z = abs(x) * ${Math.SQRT1_2};
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let tail = 0.5 * t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * exponential(-z * z);
  return select(tail, 1.0 - tail, x >= 0.0);
}`;

/** The library's tanh may overflow far out, and 1 − 2/(e^2x + 1) is not exact near 0. */
const hyperbolic = `
fn hyperbolic(x: f32) -> f32 {
  if (abs(x) < 1.0) { return tanh(x); }
  let small = exponential(-2.0 * abs(x));
  return select(-1.0, 1.0, x >= 0.0) * (1.0 - small) / (1.0 + small);
}`;

/** x·σ(u), of which the derivative is σ(u)·(1 + x·u′·(1 − σ(u))). */
const sigmoidForm = (inner: string, innerDerivative: string) => ({
  helpers: sigmoid,
  value: `return x * sigmoid(${inner});`,
  derivative: `let s = sigmoid(${inner}); return s * (1.0 + x * (${innerDerivative}) * (1.0 - s));`,
});

const tanhScale = 2 * Math.sqrt(2 / Math.PI);

/** Values and derivatives as in `../operations/activations`, where the sources of the constants are. */
const activations: Record<Activation, { helpers: string; value: string; derivative: string }> = {
  none: { helpers: '', value: 'return x;', derivative: 'return 1.0;' },
  gelu: { helpers: normal, value: 'return x * cumulative(x);', derivative: 'return cumulative(x) + x * density(x);' },
  'gelu-tanh': sigmoidForm(`${tanhScale} * (x + 0.044715 * x * x * x)`, `${tanhScale} * (1.0 + 0.134145 * x * x)`),
  'quick-gelu': sigmoidForm('1.702 * x', '1.702'),
  silu: sigmoidForm('x', '1.0'),
  relu: { helpers: '', value: 'return select(x, 0.0, x < 0.0);', derivative: 'return select(1.0, 0.0, x <= 0.0);' },
  tanh: {
    helpers: hyperbolic,
    value: 'return hyperbolic(x);',
    derivative: 'let y = hyperbolic(x); return 1.0 - y * y;',
  },
};

/** WGSL functions `value(x)` and `derivative(x)` of an activation; unused ones cost nothing. */
export function activationCode(activation: Activation): string {
  const { helpers, value, derivative } = activations[activation];
  return `${numberCode}
${helpers}
fn value(x: f32) -> f32 { ${value} }
fn derivative(x: f32) -> f32 { ${derivative} }`;
}
