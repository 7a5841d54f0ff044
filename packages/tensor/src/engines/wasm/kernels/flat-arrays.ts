import { TensorError } from '../../../errors';
import { binary } from './generated/simd-kernels';
import type { KernelExports } from './kernel-exports';
import { importSharedMemory } from './shared-memory';
import { webAssembly, type WebAssemblyMemory } from './web-assembly';

/** Size of a page of WebAssembly memory, in bytes. */
const pageBytes = 65_536;
/** Limit of 32-bit addresses. */
const mostPages = 65_536;

/** Loops of data-parallel training over float32 arrays in memory shared by threads. */
export interface FlatArrayKernels {
  /** `target += source`, element-wise; both arrays are in the shared memory and have the same length. */
  addInto(options: { target: Float32Array; source: Float32Array }): void;
  /**
   * One AdamW step in place on arrays in the shared memory, computed in float64 and rounded to float32 at the end: with
   * g = gradient · gradientScale, `p −= lr·decay·p; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²;
   * p −= lr · (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)`. Bit-identical on every machine, however the arrays are split.
   */
  adamW(options: {
    parameters: Float32Array;
    gradients: Float32Array;
    firstMoments: Float32Array;
    secondMoments: Float32Array;
    learningRate: number;
    beta1: number;
    beta2: number;
    epsilon: number;
    weightDecay: number;
    /** Counts from 1. */
    step: number;
    gradientScale: number;
  }): void;
}

/**
 * Creates memory shared between threads, for {@link flatArrayKernels}; null if `bytes` exceeds the limit of 4 GB or the
 * machine has not enough memory. It can be posted to workers.
 */
export function createSharedMemory(bytes: number): WebAssemblyMemory | null {
  const pages = Math.max(1, Math.ceil(bytes / pageBytes));
  if (pages > mostPages || !webAssembly) {
    return null;
  }
  try {
    return new webAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch {
    return null;
  }
}

/** The kernels use the first array's length and would run past the end of a shorter one. */
function sameLength(arrays: Record<string, Float32Array>): void {
  const [[first, { length }], ...others] = Object.entries(arrays) as [
    [string, Float32Array],
    ...[string, Float32Array][],
  ];
  for (const [name, array] of others) {
    if (array.length !== length)
      throw new TensorError({
        code: 'shape-mismatch',
        message: `flatArrayKernels: ${name} holds ${array.length} numbers, ${first} ${length}.`,
      });
  }
}

/** Kernels that work in place on `memory` from {@link createSharedMemory}, in any thread and with any engine. */
export function flatArrayKernels(memory: WebAssemblyMemory): FlatArrayKernels {
  const bytes = Uint8Array.from(atob(binary), (character) => character.charCodeAt(0));
  importSharedMemory(bytes);
  const { exports } = new webAssembly.Instance(new webAssembly.Module(bytes), { env: { memory } });
  const kernels = exports as unknown as KernelExports;
  const address = (array: Float32Array): number => {
    // Not by identity: arrays posted to a thread along with the memory get their own buffer object.
    if (!(array.buffer instanceof SharedArrayBuffer) || array.buffer.byteLength !== memory.buffer.byteLength) {
      throw new TypeError('flatArrayKernels: the array does not lie in the memory that the kernels work on.');
    }
    return array.byteOffset;
  };
  return {
    addInto: ({ target, source }) => {
      sameLength({ target, source });
      kernels.addInto(target.length, address(target), address(source));
    },
    adamW: ({
      parameters,
      gradients,
      firstMoments,
      secondMoments,
      learningRate,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      step,
      gradientScale,
    }) => {
      sameLength({ parameters, gradients, firstMoments, secondMoments });
      kernels.adamWInDoubles(
        parameters.length,
        address(parameters),
        address(gradients),
        address(firstMoments),
        address(secondMoments),
        gradientScale,
        1 - learningRate * weightDecay,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        learningRate,
        1 / (1 - beta1 ** step),
        1 / (1 - beta2 ** step),
        epsilon,
      );
    },
  };
}
