import { tf } from '../../tensorflow';
import { EngineError } from '../../errors';
import { initialiseBackend } from '../backend-state';
import type { Engine, EngineDevice } from '../engine';
import { installWasmKernels } from './kernels/install-wasm-kernels';
import { processorName } from '../processor-name';
import { locateWasmFiles } from './wasm-files';
import { shareClonesOnWasm } from './shared-clones';
import { wasmMemory } from './memory';

let loading: Promise<EngineDevice> | null = null;

/** WebAssembly with SIMD on one thread, without further dependencies. */
export const wasmEngine: Engine = {
  name: 'wasm',
  backend: 'wasm',
  summary: 'WebAssembly with SIMD, embedded: runs anywhere Node or a browser does',
  capabilities: {
    threads: 'one',
    // WebAssembly memory is limited to 4 GiB, and activations need room too.
    largestWeights: 3.5 * 2 ** 30,
    largestMemory: 3.75 * 2 ** 30,
    synchronousReads: true,
    dtypes: ['float32', 'int32', 'bool'],
    trainingState: 'shared-memory',
  },
  memory: wasmMemory,
  embedded: true,
  installed: async () => {
    const { version_wasm: version } = await import('@tensorflow/tfjs-backend-wasm');
    return { package: '@tensorflow/tfjs-backend-wasm', version };
  },
  load: () =>
    (loading ??= load().catch((error: unknown) => {
      loading = null;
      throw error;
    })),
  preference: () => 10,
  advice: () => 'One thread each: training takes all cores by running several workers.',
};

async function load(): Promise<EngineDevice> {
  await import('@tensorflow/tfjs-backend-wasm');
  await locateWasmFiles();
  if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'))) {
    throw new EngineError({
      engine: 'wasm',
      code: 'engine-unavailable',
      message: 'wasm: this JavaScript engine has no WebAssembly SIMD. Use Node 20 or newer, or a current browser.',
    });
  }
  // Threads do not work in Node; one thread everywhere makes results bit-identical on every machine.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  let build: { variant: string; vectorBits: number };
  const forget = rememberProcessListeners();
  try {
    await initialiseBackend('wasm');
    shareClonesOnWasm();
    build = await installWasmKernels();
  } catch (cause) {
    throw new EngineError({
      engine: 'wasm',
      code: 'engine-unavailable',
      message: `wasm: TensorFlow.js's wasm backend does not load (${cause instanceof Error ? cause.message : String(cause)}). Reinstall @tensorflow/tfjs-backend-wasm 4.22.0.`,
      cause,
    });
  } finally {
    forget();
  }
  return {
    kind: 'cpu',
    name: `${await processorName()}, WebAssembly ${build.variant}${build.vectorBits > 128 ? ` on ${build.vectorBits}-bit vectors` : ''}, 1 thread`,
  };
}

/**
 * Emscripten turns every unhandled rejection into a crash of the process. The returned function removes exactly the two
 * listeners that it has added since.
 */
function rememberProcessListeners(): () => void {
  if (typeof process === 'undefined' || typeof process.listeners !== 'function') return () => {};
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const listeners = (event: (typeof events)[number]) => process.listeners(event as 'uncaughtException');
  const before = new Map(events.map((event) => [event, new Set<unknown>(listeners(event))]));
  return () => {
    for (const event of events)
      for (const listener of listeners(event))
        if (!before.get(event)!.has(listener) && /ExitStatus|throw reason/.test(String(listener)))
          process.removeListener(event, listener);
  };
}
