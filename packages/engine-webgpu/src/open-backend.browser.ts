import { type Adapter, adapterOf, type Graphics } from './adapter';

/** How to install it. */
export const howToInstall = 'Install it with `npm install @tensorflow/tfjs-backend-webgpu@4.22.0`, and bundle it.';
/** Message if there is no adapter. */
export const noAdapter =
  'this browser gives no graphics adapter (`navigator.gpu`). Take a current browser, with hardware acceleration on, and a page from https or this machine.';

/** The version of TensorFlow.js's backend, which the page's bundle has: the one that this package asks for. */
export async function findBackend(): Promise<string> {
  return '4.22.0';
}

/** Registers TensorFlow.js's backend on the browser's adapter, and gives the adapter; null where there is none. */
export async function openBackend(): Promise<Adapter | null> {
  const { navigator } = globalThis as { navigator?: { gpu?: Graphics } };
  const adapter = navigator?.gpu ? await adapterOf(navigator.gpu) : null;
  // It registers itself only where there is a `navigator.gpu`.
  if (adapter) await import('@tensorflow/tfjs-backend-webgpu');
  return adapter;
}
