import { tf } from '../tensorflow';
import type { FusedKernels } from './kernels';

const none: FusedKernels = {};
const byBackend = new Map<string, FusedKernels>();

/** Declares what a TensorFlow.js backend supplies in place of composed operations; replaces an earlier declaration. */
export function registerFusedKernels({
  backend,
  kernels,
}: {
  /** the backend's name in TensorFlow.js */ backend: string;
  kernels: FusedKernels;
}): void {
  byBackend.set(backend, kernels);
}

let disabled = false;

/** The fused kernels of the backend that runs now; empty where it has none. */
export function fusedKernels(): FusedKernels {
  return disabled ? none : (byBackend.get(tf.getBackend()) ?? none);
}

/**
 * The kernel, where the engine has one that computes such a call; else null, and the operation composes.
 *
 * @param plain whether the call is without the options that a kernel need not support
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

/** Runs `compute` with composed operations only: how the parity suite and benchmarks see what a fused kernel replaces. */
export function withoutFusedKernels<T>(compute: () => T): T {
  const before = disabled;
  disabled = true;
  try {
    return compute();
  } finally {
    disabled = before;
  }
}
