import { tf } from '../../../tensorflow';
import type { KernelModule } from './kernel-module';
import type { KernelExports } from './kernel-exports';
import type { WasmBackend } from './wasm-backend';

/** Cache line size in bytes; scratch memory is aligned to it. */
const line = 64;

/**
 * Memory management for kernels: addresses of tensors, new tensors, and scratch memory that is reused between calls.
 * Kernels never nest, so a single scratch block is enough.
 */
export class Workspace {
  readonly kernels: KernelExports;
  #scratchAddress = 0;
  #scratchBytes = 0;

  constructor(
    readonly backend: WasmBackend,
    readonly module: KernelModule,
  ) {
    this.kernels = module.exports;
  }

  /** Address of a tensor's data; moves it to this backend if needed. */
  address(tensor: tf.TensorInfo): number {
    return this.backend.dataIdMap.get(tensor.dataId).memoryOffset ?? 0;
  }

  /** Allocates an uninitialised tensor, for a TensorFlow.js kernel to return. */
  outputInfo(shape: readonly number[], dtype: tf.DataType = 'float32'): tf.TensorInfo {
    return this.backend.makeOutput([...shape], dtype);
  }

  /** Allocates an uninitialised tensor, owned by the caller's `tf.tidy`. */
  output<T extends tf.Tensor>(
    shape: readonly number[],
    dtype: tf.DataType = 'float32',
  ): { tensor: T; address: number } {
    const info = this.outputInfo(shape, dtype);
    return { tensor: tf.engine().makeTensorFromTensorInfo(info) as T, address: this.address(info) };
  }

  /** Uninitialised scratch memory of at least `bytes`, aligned to a cache line, valid until the next call. */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      if (this.#scratchAddress) {
        this.backend.wasm._free(this.#scratchAddress);
        this.#scratchAddress = 0;
        this.#scratchBytes = 0;
      }
      this.#scratchAddress = this.backend.wasm._malloc(bytes + line) >>> 0;
      this.#scratchBytes = bytes;
    }
    return Math.ceil(this.#scratchAddress / line) * line;
  }

  /** Scratch memory for matrix products, and `extra` bytes after it. */
  productScratch(extra = 0): { product: number; extra: number } {
    const bytes = this.kernels.matrixProductScratchBytes();
    const product = this.scratch(bytes + extra);
    return { product, extra: product + bytes };
  }
}
