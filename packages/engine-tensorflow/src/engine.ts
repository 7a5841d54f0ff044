import { processIsTuned } from '@subtext/core/node';
import { EngineError, type EngineMemory } from '@subtext/tensor';
import { registerFusedKernels } from '@subtext/tensor';
import { tensorReader } from './kernels/native/read-tensor';
import { nodeBackend } from './kernels/node-backend';
import { createTensorflowKernels } from './kernels/create-tensorflow-kernels';
import { keepingBackend } from '@subtext/tensor/engine';
import { multiplyAdds, type Engine, type EngineDevice } from '@subtext/tensor/engine';
import { findTensorflow } from './find-tensorflow';
import { nvidiaProcessor } from './graphics-processor';
import { loadTensorflowPackage } from './load-tensorflow-package';
import { nativeKernelsFile, tensorflowSources } from './native-sources';
import { processorName } from '@subtext/tensor/engine';
import { requireOnTensorflow, tensorflowInUse } from '@subtext/tensor/engine';

const howToInstall = 'Install it with `npx subtext engine install tensorflow`, or call `installTensorflow()`.';

/**
 * Multiply-adds from which on it is worth loading: it takes about a second of a processor more than wasm to start, in
 * which wasm computes some ten thousand million of them on two cores.
 */
const worthwhile = 1e10;

let loading: Promise<EngineDevice> | null = null;
let graphics: string | null = null;
/** Instruction set of Subtext's own kernels, or null without them. */
let kernelLevel: string | null = null;
/** Their weight reader, if compiled. */
let readTensor: EngineMemory['read'];

/** TensorFlow's C library through `@tensorflow/tfjs-node`: all cores of a processor, or a CUDA GPU. */
export const tensorflowEngine: Engine = {
  name: 'tensorflow',
  backend: 'tensorflow',
  summary: 'TensorFlow’s C library on all cores, or on an NVIDIA GPU through CUDA',
  capabilities: {
    threads: 'all',
    largestWeights: null,
    largestMemory: null,
    synchronousReads: true,
    dtypes: ['float32', 'int32', 'bool'],
    trainingState: 'engine',
  },
  memory: {
    // TensorFlow otherwise waits until a tensor's first use.
    upload: (tensor) => void nodeBackend().getInputTensorIds([tensor]),
    read: async (options) => (await readTensor?.(options)) ?? null,
  },
  installed: async () => {
    const [best] = await findTensorflow();
    return best ? { package: best.packageName, version: best.version } : null;
  },
  load: () =>
    (loading ??= load().catch((error: unknown) => {
      // A later installation in the same process may fix it.
      loading = null;
      throw error;
    })),
  preference: (device) => (device.kind === 'gpu' ? 40 : 20),
  startsTooSlowlyFor: (work) => multiplyAdds(work) < worthwhile,
  advice: ({ installed, device }) => {
    if (!installed || !device) {
      return `${howToInstall} It trains about twice as fast as wasm.`;
    }
    if (device.kind === 'cpu' && kernelLevel === null && process.platform !== 'win32') {
      return 'Subtext’s own kernels are not compiled for it: `npx subtext engine install tensorflow` does that (it needs a C++ compiler). They make training and generation faster.';
    }
    return device.kind === 'cpu' && graphics
      ? `This machine has a GPU (${graphics}): \`npx subtext engine install tensorflow --gpu\`.`
      : null;
  },
};

/**
 * Registers Subtext's own kernels with the TensorFlow that was just loaded, if they are compiled for it.
 *
 * @returns the processor level that they use, or null without them: the engine then works with TensorFlow's operations.
 */
async function loadNativeKernels(require: NodeJS.Require, packageFolder: string): Promise<string | null> {
  const sources = process.env.SUBTEXT_NATIVE_KERNELS === '0' ? null : tensorflowSources();
  if (!sources) return null;
  const file = await nativeKernelsFile({ packageFolder, sources });
  const { existsSync } = await import('node:fs');
  if (!existsSync(file)) return null;
  try {
    const native = require(file) as { level: string; keepFreedMemory: () => void };
    if (processIsTuned()) native.keepFreedMemory();
    return native.level;
  } catch {
    // A file that does not load, such as another system's in a shared folder: the advice says how to mend it.
    return null;
  }
}

async function load(): Promise<EngineDevice> {
  const locations = await findTensorflow();
  if (locations.length === 0) {
    throw new EngineError({
      engine: 'tensorflow',
      code: 'engine-unavailable',
      message: `tensorflow: neither @tensorflow/tfjs-node nor @tensorflow/tfjs-node-gpu is installed. ${howToInstall}`,
    });
  }
  const { createRequire } = await import('node:module');
  const require = createRequire(import.meta.url);
  const inUse = await tensorflowInUse();
  graphics = await nvidiaProcessor();
  const problems: string[] = [];
  for (const { folder, packageName } of locations) {
    try {
      // The package makes itself the backend as it loads.
      const { version, gpu } = keepingBackend(() => loadTensorflowPackage(requireOnTensorflow, require, folder, inUse));
      kernelLevel = gpu ? null : await loadNativeKernels(require, folder);
      readTensor = kernelLevel === null ? undefined : tensorReader(nodeBackend());
      registerFusedKernels({
        backend: 'tensorflow',
        kernels: createTensorflowKernels({ native: kernelLevel !== null }),
      });
      return {
        kind: gpu ? 'gpu' : 'cpu',
        name: `${gpu ? (graphics ?? 'GPU') : await processorName()}, TensorFlow ${version}${kernelLevel === null ? '' : `, own kernels (${kernelLevel})`}`,
      };
    } catch (error) {
      problems.push(
        `${packageName} in ${folder}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
      );
    }
  }
  throw new EngineError({
    engine: 'tensorflow',
    code: 'engine-unavailable',
    message: `tensorflow: installed, but does not load (${problems.join('; ')}). ${howToInstall}`,
  });
}
