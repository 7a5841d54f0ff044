/** The standard library's logarithm keeps tables in memory, which is not ours to use. */

/** ln x in float64, relative error < 1e-15: exponent · ln 2 + 2 artanh((m − 1) / (m + 1)) with m in [√½, √2). */
export function log(x: f64): f64 {
  if (!(x > 0)) return x == 0 ? -Infinity : NaN;
  if (x == Infinity) return x;
  let bits = reinterpret<u64>(x);
  let exponent = <i32>(bits >> 52) - 1023;
  if (exponent == -1023) {
    // Subnormal: scale by 2⁵⁴ first.
    bits = reinterpret<u64>(x * 18014398509481984.0);
    exponent = <i32>(bits >> 52) - 1023 - 54;
  }
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent++;
  }
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let series = 1.0 / 21.0;
  series = series * s2 + 1.0 / 19.0;
  series = series * s2 + 1.0 / 17.0;
  series = series * s2 + 1.0 / 15.0;
  series = series * s2 + 1.0 / 13.0;
  series = series * s2 + 1.0 / 11.0;
  series = series * s2 + 1.0 / 9.0;
  series = series * s2 + 1.0 / 7.0;
  series = series * s2 + 1.0 / 5.0;
  series = series * s2 + 1.0 / 3.0;
  series = series * s2 + 1.0;
  return <f64>exponent * 0.6931471805599453 + 2 * s * series;
}
