/**
 * WGSL `exponential(x)` and `logarithm(x)`. The language may assume that no number is NaN, and some devices turn
 * `exp(NaN)` into a large number: a loss that is not a number would pass for one. So NaN is found by its bits.
 */
export const numberCode = `
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn exponential(x: f32) -> f32 { return select(exp(x), x, isNan(x)); }
fn logarithm(x: f32) -> f32 { return select(log(x), x, isNan(x)); }`;
