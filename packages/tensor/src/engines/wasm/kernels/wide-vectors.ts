import { TensorError } from '../../../errors';
import type { KernelExports } from './kernel-exports';
import { kernelsAgree, wideTilesAreFaster } from './kernels-agree';
import { webAssembly, type WebAssemblyInstance, type WebAssemblyMemory } from './web-assembly';

/** Set to `256` it asks for wider vectors, which are used where they work; unset or `128` keeps WebAssembly's own. */
const setting = 'SUBTEXT_WASM_VECTORS';

/** First Node whose V8 (13.6) joins vectors; the releases before know the flag but do nothing. */
const firstNode = 24;

/** While our module compiles: join vectors, and compile all of it at once with the optimizing compiler, which alone does so. */
const flags = ['experimental-wasm-revectorize', 'no-liftoff', 'no-wasm-lazy-compilation'];

/**
 * The kernels on 256-bit vectors, or null where there are none. WebAssembly has vectors of 128 bits; V8 can join
 * neighbouring operations in one of 256 (`--experimental-wasm-revectorize`, AVX2), which nearly doubles the matrix
 * product. The flag is experimental, and V8 promises nothing of flags that are set while it runs: so it is only for those
 * who ask for it, set only while this one module compiles, and the module is used only if every kernel gives, bit for bit,
 * what the ordinary compilation gives, and if it is faster.
 *
 * @throws TensorError `invalid-option` if SUBTEXT_WASM_VECTORS is something else.
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
    // A custom section, because V8 shares compiled code between modules of the same bytes.
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

/** The module with an empty custom section at its end. */
function withSection(bytes: Uint8Array, name: string): Uint8Array {
  const letters = [...name].map((character) => character.charCodeAt(0));
  return Uint8Array.from([...bytes, 0, letters.length + 1, letters.length, ...letters]);
}
