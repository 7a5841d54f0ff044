import { TensorError } from '../../../errors';
import type { KernelExports } from './kernel-exports';
import { kernelsAgree, wideTilesAreFaster } from './kernels-agree';
import { webAssembly, type WebAssemblyInstance, type WebAssemblyMemory } from './web-assembly';

/** Environment variable: `256` requests wider vectors, used if they work; unset or `128` keeps WebAssembly's own. */
const setting = 'SUBTEXT_WASM_VECTORS';

/** First Node version whose V8 (13.6) merges vectors; earlier ones accept the flag but do nothing. */
const firstNode = 24;

/** V8 flags while our module compiles: merge vectors, and compile eagerly with the optimizing compiler, which alone does this. */
const flags = ['experimental-wasm-revectorize', 'no-liftoff', 'no-wasm-lazy-compilation'];

/**
 * The kernels on 256-bit vectors, or null if unavailable. WebAssembly has 128-bit vectors; V8 can merge neighbouring
 * operations into 256-bit ones (`--experimental-wasm-revectorize`, AVX2), which nearly doubles the speed of the matrix
 * product. The flag is experimental, and V8 does not guarantee the effect of flags set at run time. It is therefore
 * opt-in, set only while this module compiles, and the result is used only if every kernel is bit-identical to the
 * ordinary compilation and faster.
 *
 * @throws TensorError `invalid-option` if SUBTEXT_WASM_VECTORS has another value
 */
export async function instantiateWide({
  bytes,
  memory,
}: {
  bytes: Uint8Array;
  memory: WebAssemblyMemory;
}): Promise<WebAssemblyInstance | null> {
  if (
    typeof process === 'undefined' ||
    process.arch !== 'x64' ||
    !(Number(process.versions?.node?.split('.')[0]) >= firstNode)
  ) {
    return null;
  }
  const requested = process.env[setting];
  if (requested !== undefined && requested !== '' && requested !== '128' && requested !== '256') {
    throw new TensorError({
      code: 'invalid-option',
      message: `wasm: ${setting} must be 128 or 256, got '${requested}'.`,
    });
  }
  if (requested !== '256') {
    return null;
  }
  // Not a literal, so that bundlers for browsers leave it alone.
  const specifier = 'node:v8';
  const { setFlagsFromString } = (await import(/* @vite-ignore */ specifier)) as {
    setFlagsFromString(flags: string): void;
  };
  flags.forEach((flag) => setFlagsFromString(`--${flag}`));
  let module: object;
  try {
    // The custom section prevents V8 from reusing code compiled for a module with the same bytes.
    module = new webAssembly.Module(withSection(bytes, 'wide'));
  } finally {
    flags.forEach((flag) => setFlagsFromString(flag.startsWith('no-') ? `--${flag.slice(3)}` : `--no-${flag}`));
  }
  const reference = new webAssembly.Module(bytes);
  const trial = (from: object) => {
    const own = new webAssembly.Memory({ initial: 64, maximum: 65536 });
    return {
      memory: own,
      kernels: new webAssembly.Instance(from, { env: { memory: own } }).exports as unknown as KernelExports,
    };
  };
  const candidate = trial(module);
  if (!kernelsAgree(trial(reference), candidate) || !wideTilesAreFaster(candidate)) {
    return null;
  }
  const instance = new webAssembly.Instance(module, { env: { memory } });
  (instance.exports as unknown as KernelExports).useWideTiles(true);
  return instance;
}

/** The module with an empty custom section appended. */
function withSection(bytes: Uint8Array, name: string): Uint8Array {
  const letters = [...name].map((character) => character.charCodeAt(0));
  return Uint8Array.from([...bytes, 0, letters.length + 1, letters.length, ...letters]);
}
