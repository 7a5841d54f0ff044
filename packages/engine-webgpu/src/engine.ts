import { EngineError, registerFusedKernels } from '@subtext/tensor';
import { type Engine, type EngineDevice, initialiseBackend } from '@subtext/tensor/engine';

import { type Adapter, isSoftware } from './adapter';
import { createWebgpuKernels } from './kernels/create-webgpu-kernels';
import { webgpuBackend } from './kernels/webgpu-backend';
import { findBackend, howToInstall, noAdapter, openBackend } from './open-backend';

let loading: Promise<EngineDevice> | null = null;

/** WebGPU, through Dawn in Node: GPUs of any vendor, without CUDA. */
export const webgpuEngine: Engine = {
  name: 'webgpu',
  backend: 'webgpu',
  summary: 'any vendor’s GPU through WebGPU, without CUDA',
  capabilities: {
    threads: 'all',
    largestWeights: null,
    largestMemory: null,
    synchronousReads: false,
    dtypes: ['float32', 'int32', 'bool'],
    trainingState: 'engine',
  },
  memory: {
    // The backend keeps a host copy of tensors uploaded from or read by the host, besides the device copy.
    hostIntegers: ({ dataId }) =>
      (webgpuBackend().tensorMap.get(dataId).values as Int32Array | null | undefined) ?? null,
  },
  installed: async () => {
    const version = await findBackend();
    return version === null ? null : { package: '@tensorflow/tfjs-backend-webgpu', version };
  },
  load: () =>
    (loading ??= load().catch((error: unknown) => {
      loading = null;
      throw error;
    })),
  preference: (device) => (device.software ? 0 : 30),
  advice: ({ installed, device }) => {
    if (!installed) {
      return `${howToInstall} It pays where there is a GPU without CUDA.`;
    }
    return device?.software ? 'This adapter is a processor that imitates a GPU: good for tests only.' : null;
  },
};

async function load(): Promise<EngineDevice> {
  try {
    const adapter = await openBackend();
    if (!adapter) throw unavailable(noAdapter);
    await initialiseBackend('webgpu').catch((error: unknown) => {
      throw unavailable(`the adapter gave no device that TensorFlow.js can use (${messageOf(error)}).`, error);
    });
    registerFusedKernels({ backend: 'webgpu', kernels: createWebgpuKernels() });
    return {
      kind: 'gpu',
      name: [nameOf(adapter), 'WebGPU'].join(', '),
      ...(isSoftware(adapter) ? { software: true } : {}),
    };
  } catch (error) {
    throw EngineError.isInstance(error) ? error : unavailable(`it does not load (${messageOf(error)}).`, error);
  }
}

const nameOf = ({ info: { description, device, architecture, vendor } }: Adapter) =>
  description || device || architecture || vendor;
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
const unavailable = (message: string, cause?: unknown) =>
  new EngineError({ engine: 'webgpu', code: 'engine-unavailable', message: `webgpu: ${message}`, cause });
