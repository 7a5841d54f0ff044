import { webAssembly } from './web-assembly';

/** `(func (param v128 v128 v128) (result v128) (f32x4.relaxed_madd …))`: validates only where relaxed SIMD is on. */
const probe = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2,
  253, 0x85, 0x02, 11,
]);

/**
 * Whether modules with relaxed SIMD (fused multiply-add) compile here. Node 20 has it behind a flag of V8, which takes
 * effect for modules compiled later and is set here; newer Nodes and browsers need none.
 */
export async function enableRelaxedSimd(): Promise<boolean> {
  if (webAssembly.validate(probe)) {
    return true;
  }
  if (typeof process === 'undefined' || process.versions?.node?.split('.')[0] !== '20') {
    return false;
  }
  // Not a literal, so that bundlers for browsers leave it alone.
  const specifier = 'node:v8';
  const v8 = (await import(/* @vite-ignore */ specifier)) as { setFlagsFromString(flags: string): void };
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
  return webAssembly.validate(probe);
}
