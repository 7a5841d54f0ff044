import { processIsTuned } from '@subtext/core/node';
import { createNativeKernels, storedTypes } from '@subtext/native-kernels';
import { EngineError, registerFusedKernels, type EngineMemory, type tf } from '@subtext/tensor';
import {
  openOnWasmMemory,
  processorName,
  wasmMemory,
  type Engine,
  type EngineDevice,
  type WasmTensors,
} from '@subtext/tensor/engine';
import { findLibrary, inClone, platformPackage } from './library-file';
import { loadLibrary, type NativeLibrary } from './library';
import { createNativeRunner } from './native-runner';
import { storeWeight } from './weight-store';

/** Numbers read at once: 16 MiB of the result, some milliseconds from the system's cache. */
const pieceLength = 2 ** 22;

let loading: Promise<EngineDevice> | null = null;
let loaded: { library: NativeLibrary; tensors: WasmTensors } | null = null;

/** C++ kernels working on the memory of TensorFlow.js's wasm backend, which handles everything else. */
export const nativeEngine: Engine = {
  name: 'native',
  backend: 'native',
  summary: 'Subtext’s C++ kernels on all cores, in place on the memory of wasm',
  capabilities: {
    threads: 'all',
    // Two workers took 0.65 to 0.75 of the seconds of none for the model of `npm start` (0.3 million), on two cores.
    workersUpTo: 1_000_000,
    // The memory is that of wasm.
    largestWeights: 3.5 * 2 ** 30,
    largestMemory: 3.75 * 2 ** 30,
    synchronousReads: true,
    dtypes: ['float32', 'int32', 'bool'],
    weightDtypes: ['float32', 'bf16', 'f16', 'int8', 'int4'],
    trainingState: 'engine',
  },
  memory: {
    ...wasmMemory,
    read,
    storeWeight: ({ dtype, shape }) => {
      if (!loaded)
        throw new EngineError({
          engine: 'native',
          code: 'engine-unavailable',
          message: "native: the engine is not loaded. Call useEngine({ engine: 'native' }) first.",
        });
      return storeWeight({ ...loaded, dtype, shape });
    },
  },
  installed: async () => {
    const { file } = await findLibrary();
    return file === null ? null : { package: '@subtext/engine-native', version: await ownVersion() };
  },
  load: () =>
    (loading ??= load().catch((error: unknown) => {
      // A later compilation in the same process may fix it.
      loading = null;
      throw error;
    })),
  preference: () => 25,
  advice: ({ installed }) => (installed ? null : `${howToInstall()} It trains about twice as fast as wasm, or more.`),
};

function howToInstall(): string {
  return inClone()
    ? 'Compile it with `npm run bootstrap`, which needs a C++ compiler (g++ or clang; CXX names one).'
    : `Install ${platformPackage()}, or compile it with \`npx subtext engine install native\`, which needs a C++ compiler.`;
}

async function ownVersion(): Promise<string> {
  const [{ createRequire }, { readFileSync }] = await Promise.all([import('node:module'), import('node:fs')]);
  const manifest = createRequire(import.meta.url).resolve('@subtext/engine-native/package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

async function load(): Promise<EngineDevice> {
  const unavailable = (why: string, cause?: unknown) =>
    new EngineError({
      engine: 'native',
      code: 'engine-unavailable',
      message: `native: ${why}. ${howToInstall()}`,
      cause,
    });
  const found = await findLibrary();
  if (found.file === null) throw unavailable(found.reason);
  let library: NativeLibrary;
  try {
    library = await loadLibrary(found.file);
  } catch (cause) {
    const [first] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw unavailable(`${found.file} does not load (${first})`, cause);
  }
  if (processIsTuned()) library.keepFreedMemory();
  const tensors = await openOnWasmMemory('native');
  loaded = { library, tensors };
  registerFusedKernels({ backend: 'native', kernels: createNativeKernels(createNativeRunner(library, tensors)) });
  return {
    kind: 'cpu',
    name: `${await processorName()}, own kernels (${library.level}), ${library.threads} ${library.threads === 1 ? 'thread' : 'threads'}`,
  };
}

/**
 * Measures memory read bandwidth over all threads, in bytes per second; the engine must be loaded. It bounds generation
 * at batch 1, which reads each weight once per token. Takes a few tenths of a second.
 *
 * @throws EngineError `engine-unavailable`
 */
export function memorySpeed({
  bytes = 2 ** 29,
  rounds = 5,
}: {
  /** Size of the block to read; must exceed the caches. @default 512 MiB */ bytes?: number;
  /** The best round counts. @default 5 */ rounds?: number;
} = {}): number {
  if (!loaded)
    throw new EngineError({
      engine: 'native',
      code: 'engine-unavailable',
      message: "native: the engine is not loaded. Call useEngine({ engine: 'native' }) first.",
    });
  const { library } = loaded;
  return library.memorySpeed(bytes, rounds);
}

/** Reads weights from a file directly into a tensor's memory, widening on all threads. */
async function read({
  descriptor,
  position,
  dtype,
  shape,
}: Parameters<NonNullable<EngineMemory['read']>>[0]): Promise<tf.Tensor | null> {
  if (!loaded) return null;
  const { library, tensors } = loaded;
  const { code, bytes } = storedTypes[dtype];
  const { tensor, address } = tensors.output(shape);
  for (let from = 0; from < tensor.size; from += pieceLength) {
    if (from > 0) await new Promise(setImmediate);
    const count = Math.min(pieceLength, tensor.size - from);
    const memory = tensors.memory();
    if (
      library.read(memory, memory.length, address + 4 * from, descriptor, position + from * bytes, code, count) !== 0
    ) {
      tensor.dispose();
      return null;
    }
  }
  return tensor;
}
