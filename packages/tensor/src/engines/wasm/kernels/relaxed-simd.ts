import { webAssembly } from './web-assembly';

/** `(func (param v128 v128 v128) (result v128) (f32x4.relaxed_madd …))`: validates only where relaxed SIMD is on. */
const probe = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2,
  253, 0x85, 0x02, 11,
]);

/**
 * Whether modules with relaxed SIMD (fused multiply-add) compile. Node 20 needs a V8 flag, which `tuneProcess` of
 * `@subtext/core/node` sets; newer versions and browsers need none.
 */
export function hasRelaxedSimd(): boolean {
  return webAssembly.validate(probe);
}
