import { tf } from '../tensorflow';
import type { FusedKernels } from './kernels';

const none: FusedKernels = {};
const byBackend = new Map<string, FusedKernels>();

/** Registers the fused kernels of a TensorFlow.js backend, replacing earlier ones. */
export function registerFusedKernels({
  backend,
  kernels,
}: {
  /** Name of the TensorFlow.js backend. */ backend: string;
  kernels: FusedKernels;
}): void {
  byBackend.set(backend, kernels);
}

let disabled = false;

/** Fused kernels of the active backend; empty if it has none. */
export function fusedKernels(): FusedKernels {
  return disabled ? none : (byBackend.get(tf.getBackend()) ?? none);
}

/**
 * The kernel, if it supports the call; otherwise null, and the operation is composed.
 *
 * @param plain whether the call uses none of the options whose support is optional
 */
export function supporting<K extends { supports?(options: O): boolean }, O>({
  kernel,
  options,
  plain,
}: {
  kernel: K | undefined;
  options: O;
  plain: boolean;
}): K | null {
  if (kernel === undefined) return null;
  return (kernel.supports?.(options) ?? plain) ? kernel : null;
}

/** Runs `compute` without fused kernels, for the parity suite and benchmarks. */
export function withoutFusedKernels<T>(compute: () => T): T {
  const before = disabled;
  disabled = true;
  try {
    return compute();
  } finally {
    disabled = before;
  }
}
