/**
 * The complementary error function `erfc(x) = 2/√π · ∫ₓ^∞ exp(−t²) dt`, to about 14 digits: the series
 * of erf below 2, the continued fraction above (Abramowitz and Stegun, 7.1.5 and 7.1.14).
 */
export function complementaryError(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x < 0) return 2 - complementaryError(-x);
  if (x > 27) return 0;
  if (x < 2) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
      if (n > 200) break;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 120; n >= 1; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction));
}

/** The probability that a standard normal variable exceeds z. */
function normalTail(z: number): number {
  return 0.5 * complementaryError(z / Math.SQRT2);
}

/**
 * The quantile function of the standard normal distribution: Acklam's rational approximation,
 * refined by two Halley steps.
 */
export function normalQuantile(chance: number): number {
  if (!(chance > 0 && chance < 1)) return chance === 0 ? -Infinity : chance === 1 ? Infinity : Number.NaN;
  if (chance > 0.5) return -normalQuantile(1 - chance);
  let z: number;
  if (chance < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(chance));
    z =
      (((((-7.784894002430293e-3 * q - 3.223964580411365e-1) * q - 2.400758277161838) * q - 2.549732539343734) * q +
        4.374664141464968) *
        q +
        2.938163982698783) /
      ((((7.784695709041462e-3 * q + 3.224671290700398e-1) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1);
  } else {
    const q = chance - 0.5;
    const r = q * q;
    z =
      ((((((-3.969683028665376e1 * r + 2.209460984245205e2) * r - 2.759285104469687e2) * r + 1.38357751867269e2) * r -
        3.066479806614716e1) *
        r +
        2.506628277459239) *
        q) /
      (((((-5.447609879822406e1 * r + 1.615858368580409e2) * r - 1.556989798598866e2) * r + 6.680131188771972e1) * r -
        1.328068155288572e1) *
        r +
        1);
  }
  for (let step = 0; step < 2; step++) {
    const error = normalTail(-z) - chance;
    const slope = error * Math.sqrt(2 * Math.PI) * Math.exp((z * z) / 2);
    z -= slope / (1 + (z * slope) / 2);
  }
  return z;
}
