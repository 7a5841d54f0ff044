import { EngineError } from '@subtext/tensor';
import { registerFusedKernels } from '@subtext/tensor';
import { createWebgpuKernels } from './kernels/create-webgpu-kernels';
import { webgpuBackend } from './kernels/webgpu-backend';
import { initialiseBackend, keepingBackend } from '@subtext/tensor/engine';
import type { Engine, EngineDevice } from '@subtext/tensor/engine';
import { engineHome } from '@subtext/tensor/engine';
import { findPackage, packagePlaces } from '@subtext/tensor/engine';
import { requireOnTensorflow, tensorflowInUse } from '@subtext/tensor/engine';

/** What of WebGPU's adapter is used here. */
interface Adapter {
  info: { vendor: string; architecture: string; device: string; description: string; isFallbackAdapter?: boolean };
}

interface Graphics {
  requestAdapter(options: { powerPreference: string }): Promise<Adapter | null>;
}

const packages = ['webgpu', '@tensorflow/tfjs-backend-webgpu'] as const;
const howToInstall =
  'Install it with `npm install webgpu @tensorflow/tfjs-backend-webgpu@4.22.0` in the project that Subtext is installed in.';

let loading: Promise<EngineDevice> | null = null;

/** WebGPU over Dawn: any vendor's GPU, without CUDA. */
export const webgpuEngine: Engine = {
  name: 'webgpu',
  backend: 'webgpu',
  summary: 'any vendor’s GPU through WebGPU (Dawn), without CUDA',
  capabilities: {
    threads: 'all',
    largestWeights: null,
    largestMemory: null,
    synchronousReads: false,
    dtypes: ['float32', 'int32', 'bool'],
    trainingState: 'engine',
  },
  memory: {
    // The backend keeps what came from the host, and what the host has read, beside its copy on the device.
    hostIntegers: ({ dataId }) =>
      (webgpuBackend().tensorMap.get(dataId).values as Int32Array | null | undefined) ?? null,
  },
  installed: async () => {
    const found = await findPackages();
    return found ? { package: packages[1], version: found.version } : null;
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

interface Found {
  backendFile: string;
  webgpuFile: string;
  version: string;
}

/** Both packages, side by side or not; `packagePlaces` says where they may come from. Node only. */
async function findPackages(): Promise<Found | null> {
  if (typeof process === 'undefined' || !process.versions?.node) {
    return null;
  }
  const [{ createRequire }, { join }, { pathToFileURL }] = await Promise.all([
    import('node:module'),
    import('node:path'),
    import('node:url'),
  ]);
  const home = join(await engineHome(), 'webgpu', 'node_modules');
  const places = await packagePlaces({ from: import.meta.url, also: [home] });
  const [webgpu, backend] = [
    await findPackage({ name: packages[0], places }),
    await findPackage({ name: packages[1], places }),
  ];
  if (!webgpu || !backend) return null;
  // By its own name from inside, so that its `exports` are heeded; where it has none, by its `main`.
  const webgpuFile = createRequire(webgpu.manifest).resolve(webgpu.folder);
  return {
    backendFile: join(backend.folder, backend.main ?? 'index.js'),
    webgpuFile: pathToFileURL(webgpuFile).href,
    version: backend.version,
  };
}

async function load(): Promise<EngineDevice> {
  const unavailable = (message: string, cause?: unknown) =>
    new EngineError({ engine: 'webgpu', code: 'engine-unavailable', message: `webgpu: ${message}`, cause });
  const found = await findPackages();
  if (!found) {
    throw unavailable(`${packages.join(' and ')} are not both installed. ${howToInstall}`);
  }
  const { createRequire } = await import('node:module');
  const require = createRequire(import.meta.url);
  try {
    const inUse = await tensorflowInUse();
    const adapter = await openAdapter(found.webgpuFile);
    if (!adapter) {
      throw unavailable(
        'no graphics adapter was found. On Linux it takes the Vulkan loader (libvulkan.so.1) and the GPU’s Vulkan driver.',
      );
    }
    keepingBackend(() => requireOnTensorflow(require, found.backendFile, inUse));
    await initialiseBackend('webgpu').catch((error: unknown) => {
      throw unavailable(
        `the adapter gave no device that TensorFlow.js can use (${error instanceof Error ? error.message : String(error)}).`,
        error,
      );
    });
    registerFusedKernels({ backend: 'webgpu', kernels: createWebgpuKernels() });
    const { vendor, architecture, description, device } = adapter.info;
    return {
      kind: 'gpu',
      name: [description || device || architecture || vendor, 'WebGPU'].join(', '),
      ...(isSoftware(adapter) ? { software: true } : {}),
    };
  } catch (error) {
    throw EngineError.isInstance(error)
      ? error
      : unavailable(`it does not load (${error instanceof Error ? error.message : String(error)}).`, error);
  }
}

/**
 * On a processor that imitates a GPU (SwiftShader), compiling the zeros of a shader's workgroup memory takes seconds for
 * each shader. No shader here, or of TensorFlow.js, reads such memory before it writes it; real GPUs keep the zeros.
 */
const softwareOptions = ['enable-dawn-features=disable_workgroup_init'];

/** The adapter of Dawn, which is then `navigator.gpu`, where TensorFlow.js looks for it. */
async function openAdapter(webgpuFile: string): Promise<Adapter | null> {
  const { create, globals } = (await import(/* @vite-ignore */ webgpuFile)) as {
    create: (options: string[]) => Graphics;
    globals: object;
  };
  Object.assign(globalThis, globals);
  const adapterOf = (graphics: Graphics) => graphics.requestAdapter({ powerPreference: 'high-performance' });
  let graphics = create([]);
  let adapter = await adapterOf(graphics);
  if (adapter && isSoftware(adapter)) {
    graphics = create(softwareOptions);
    adapter = await adapterOf(graphics);
  }
  const navigator = (globalThis as { navigator?: object }).navigator ?? {};
  // Node 21 and later have a navigator of their own, without a GPU.
  Object.defineProperty(navigator, 'gpu', { value: graphics, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true, writable: true });
  return adapter;
}

function isSoftware({ info: { architecture, description, device, isFallbackAdapter } }: Adapter): boolean {
  return (
    isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe/i.test(`${architecture} ${description} ${device}`)
  );
}
