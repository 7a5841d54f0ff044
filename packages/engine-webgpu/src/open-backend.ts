import { EngineError } from '@subtext/tensor';
import {
  engineHome,
  findPackage,
  keepingBackend,
  packagePlaces,
  requireOnTensorflow,
  tensorflowInUse,
} from '@subtext/tensor/engine';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { type Adapter, adapterOf, type Graphics, isSoftware } from './adapter';

const packages = ['webgpu', '@tensorflow/tfjs-backend-webgpu'] as const;

/** How to install it. */
export const howToInstall =
  'Install it with `npm install webgpu @tensorflow/tfjs-backend-webgpu@4.22.0` in the project that Subtext is installed in.';
/** Message if there is no adapter. */
export const noAdapter =
  'no graphics adapter was found. On Linux it takes the Vulkan loader (libvulkan.so.1) and the GPU’s Vulkan driver.';

/** The version of TensorFlow.js's backend; null where it, or Dawn, is not installed. */
export async function findBackend(): Promise<string | null> {
  return (await findPackages())?.version ?? null;
}

/**
 * Registers TensorFlow.js's backend on an adapter of Dawn's, and gives the adapter; null where there is none.
 *
 * @throws EngineError `engine-unavailable` where a package is missing
 */
export async function openBackend(): Promise<Adapter | null> {
  const found = await findPackages();
  if (!found)
    throw new EngineError({
      engine: 'webgpu',
      code: 'engine-unavailable',
      message: `webgpu: ${packages.join(' and ')} are not both installed. ${howToInstall}`,
    });
  const inUse = await tensorflowInUse();
  const adapter = await openAdapter(found.webgpuFile);
  if (adapter) keepingBackend(() => requireOnTensorflow(createRequire(import.meta.url), found.backendFile, inUse));
  return adapter;
}

interface Found {
  backendFile: string;
  webgpuFile: string;
  version: string;
}

/** Both packages, side by side or not; `packagePlaces` says where they may come from. */
async function findPackages(): Promise<Found | null> {
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
