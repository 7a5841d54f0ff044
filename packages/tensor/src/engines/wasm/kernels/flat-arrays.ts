import { TensorError } from '../../../errors';
import { binary } from './generated/simd-kernels';
import type { KernelExports } from './kernel-exports';
import { importSharedMemory } from './shared-memory';
import { webAssembly, type WebAssemblyMemory } from './web-assembly';

/** Bytes of a page of WebAssembly memory. */
const pageBytes = 65_536;
/** The most that 32-bit addresses reach. */
const mostPages = 65_536;

/** Float32 arrays in one memory that threads share, and the loops of data-parallel training over them. */
export interface FlatArrayKernels {
  /** `target += source`, element by element; both lie in the memory and are equally long. */
  addInto(options: { target: Float32Array; source: Float32Array }): void;
  /**
   * One AdamW step in place over arrays of the memory, in float64 and rounded to float32 at the end: with
   * g = gradient · gradientScale, `p −= lr·decay·p; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²;
   * p −= lr · (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)`. The same bits on every machine, however the arrays are cut.
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
 * A memory that threads share, for {@link flatArrayKernels}; null where `bytes` are more than one can hold (4 GB) or
 * the machine has no room. It can be posted to workers.
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

/** The kernels go by the first array's length: a shorter one would have them work beyond its end. */
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

/** Kernels that work in place on `memory`, which {@link createSharedMemory} made, in any thread and beside any engine. */
export function flatArrayKernels(memory: WebAssemblyMemory): FlatArrayKernels {
  const bytes = Uint8Array.from(atob(binary), (character) => character.charCodeAt(0));
  importSharedMemory(bytes);
  const { exports } = new webAssembly.Instance(new webAssembly.Module(bytes), { env: { memory } });
  const kernels = exports as unknown as KernelExports;
  const address = (array: Float32Array): number => {
    // Not by identity: where a memory was posted to a thread, the arrays posted with it have a buffer object of their own.
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
