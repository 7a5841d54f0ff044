import { tf } from '../tensorflow';
import { EngineError } from '../errors';
import { registerFusedKernels } from '../kernels/registry';
import { createTensorflowKernels } from '../libtensorflow/create-tensorflow-kernels';
import type { Engine, EngineDevice } from './engine';
import { findTensorflow } from './find-tensorflow';
import { nvidiaProcessor } from './graphics-processor';
import { loadTensorflowPackage } from './load-tensorflow-package';
import { processorName } from './processor-name';
import { requireOnTensorflow } from './require-on-tensorflow';

const howToInstall = 'Install it with `npx subtext engine install tensorflow`, or call `installTensorflow()`.';

let loading: Promise<EngineDevice> | null = null;
let graphics: string | null = null;

/** TensorFlow's C library through `@tensorflow/tfjs-node`: all cores of a processor, or a CUDA GPU. */
export const tensorflowEngine: Engine = {
  name: 'tensorflow',
  backend: 'tensorflow',
  summary: 'TensorFlow’s C library on all cores, or on an NVIDIA GPU through CUDA',
  installed: async () => {
    const [best] = await findTensorflow();
    return best ? { package: best.packageName, version: best.version } : null;
  },
  load: () => (loading ??= load().catch((error: unknown) => {
    // An installation may mend it later in the same process.
    loading = null;
    throw error;
  })),
  preference: (device) => (device.kind === 'gpu' ? 40 : 20),
  advice: ({ installed, device }) => {
    if (!installed || !device) {
      return `${howToInstall} It trains several times faster than wasm.`;
    }
    return device.kind === 'cpu' && graphics ? `This machine has a GPU (${graphics}): \`npx subtext engine install tensorflow --gpu\`.` : null;
  },
};

async function load(): Promise<EngineDevice> {
  const locations = await findTensorflow();
  if (locations.length === 0) {
    throw new EngineError({ engine: 'tensorflow', code: 'engine-unavailable', message: `tensorflow: neither @tensorflow/tfjs-node nor @tensorflow/tfjs-node-gpu is installed. ${howToInstall}` });
  }
  const { createRequire } = await import('node:module');
  const require = createRequire(import.meta.url);
  graphics = await nvidiaProcessor();
  const before = tf.getBackend();
  const problems: string[] = [];
  for (const { folder, packageName } of locations) {
    try {
      const { version, gpu } = loadTensorflowPackage(requireOnTensorflow, require, folder, require.resolve('@tensorflow/tfjs'));
      registerFusedKernels({ backend: 'tensorflow', kernels: createTensorflowKernels() });
      return { kind: gpu ? 'gpu' : 'cpu', name: `${gpu ? (graphics ?? 'GPU') : await processorName()}, TensorFlow ${version}` };
    } catch (error) {
      problems.push(`${packageName} in ${folder}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    } finally {
      // The package makes itself the backend as it loads.
      if (before) {
        await tf.setBackend(before);
      }
    }
  }
  throw new EngineError({ engine: 'tensorflow', code: 'engine-unavailable', message: `tensorflow: installed, but does not load (${problems.join('; ')}). ${howToInstall}` });
}
