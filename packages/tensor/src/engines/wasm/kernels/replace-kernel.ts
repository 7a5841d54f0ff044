import { tf } from '../../../tensorflow';
import type { WasmBackend } from './wasm-backend';
import type { Workspace } from './workspace';

/** A replacement for one of the backend's kernels; if it returns null, the original is called. */
export type Replacement<Inputs, Attributes> = (
  workspace: Workspace,
  inputs: Inputs,
  attributes: Attributes,
) => tf.TensorInfo | tf.TensorInfo[] | null;

const workspaces = new WeakMap<WasmBackend, Workspace>();
const replaced = new Set<string>();

/** Installs `replacement` ahead of the wasm backend's kernel, once per process, for every backend with a workspace. */
export function replaceKernel<Inputs, Attributes>(
  workspace: Workspace,
  kernelName: string,
  replacement: Replacement<Inputs, Attributes>,
): void {
  workspaces.set(workspace.backend, workspace);
  if (replaced.has(kernelName)) {
    return;
  }
  replaced.add(kernelName);
  const original = tf.getKernel(kernelName, 'wasm');
  tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    ...original,
    kernelFunc: (args) => {
      const { inputs, attrs, backend } = args as unknown as { inputs: Inputs; attrs: Attributes; backend: WasmBackend };
      const own = workspaces.get(backend);
      return (own && replacement(own, inputs, attrs)) ?? original.kernelFunc(args);
    },
  });
}
