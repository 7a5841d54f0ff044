import { tf } from '../../../tensorflow';
import type { KernelModule } from './kernel-module';
import type { KernelExports } from './kernel-exports';
import type { WasmBackend } from './wasm-backend';

/** Bytes of a line of the cache, to which scratch is aligned. */
const line = 64;

/**
 * What a kernel needs around its arithmetic: addresses of tensors, new tensors, and scratch memory that is kept from
 * call to call. Kernels never run inside one another, so one scratch block serves all.
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

  /** Where a tensor's elements lie; moves them to this backend if they are elsewhere. */
  address(tensor: tf.TensorInfo): number {
    return this.backend.dataIdMap.get(tensor.dataId).memoryOffset ?? 0;
  }

  /** New memory for a tensor, its contents undefined, for a kernel of TensorFlow.js to return. */
  outputInfo(shape: readonly number[], dtype: tf.DataType = 'float32'): tf.TensorInfo {
    return this.backend.makeOutput([...shape], dtype);
  }

  /** New memory for a tensor, its contents undefined, which the caller's `tf.tidy` owns. */
  output<T extends tf.Tensor>(
    shape: readonly number[],
    dtype: tf.DataType = 'float32',
  ): { tensor: T; address: number } {
    const info = this.outputInfo(shape, dtype);
    return { tensor: tf.engine().makeTensorFromTensorInfo(info) as T, address: this.address(info) };
  }

  /** At least `bytes` of memory at a line's start, valid until the next call; its contents are undefined. */
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

  /** The scratch of matrix products, and `extra` bytes after it. */
  productScratch(extra = 0): { product: number; extra: number } {
    const bytes = this.kernels.matrixProductScratchBytes();
    const product = this.scratch(bytes + extra);
    return { product, extra: product + bytes };
  }
}
