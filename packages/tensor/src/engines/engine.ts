import type { Tensor } from '@tensorflow/tfjs-core';
import type { WeightDtype, WeightStore } from './weight-dtypes';

/** Name of an engine: `cpu` and `wasm` are part of this package, `NAME` comes with the package `@subtext/engine-NAME`. */
export type EngineName = string;

/** The device of a loaded engine. */
export interface EngineDevice {
  kind: 'cpu' | 'gpu';
  /** Human-readable: name of the CPU or GPU, and version of the library. */
  name: string;
  /** True for a software GPU (SwiftShader, lavapipe). */
  software?: boolean;
}

/** Estimated amount of computation. */
export interface EngineWork {
  /** Number of parameters of the model. */
  parameters: number;
  /** Total number of positions processed. */
  positions: number;
  /** Training: a backward pass costs about two forward passes. @default false */
  trains?: boolean;
}

/** Approximate number of multiply-adds. */
export function multiplyAdds({ parameters, positions, trains = false }: EngineWork): number {
  return parameters * positions * (trains ? 3 : 1);
}

/** Capabilities of an engine. Code outside an engine's folder checks these, never the engine's name. */
export interface EngineCapabilities {
  /** Threads used by one call: one, so that more workers run faster, or all of the device. */
  threads: 'one' | 'all';
  /**
   * For models with at most this many parameters, several workers train faster than one that uses the whole machine, because
   * overhead between calls dominates. @default 0
   */
  workersUpTo?: number;
  /** Maximum size of the weights in bytes; null if limited only by the memory of the machine or device. */
  largestWeights: number | null;
  /** Maximum total memory in bytes; null as above. */
  largestMemory: number | null;
  /** Whether `dataSync` works; otherwise use `await tensor.data()`. */
  synchronousReads: boolean;
  /** Supported dtypes of tensors. */
  dtypes: readonly ('float32' | 'int32' | 'bool')[];
  /** Supported dtypes of frozen weights, see {@link EngineMemory.storeWeight}. @default only float32 */
  weightDtypes?: readonly WeightDtype[];
  /**
   * Where weights and optimizer moments live during training: in process memory shared by its threads, or on the engine,
   * from which they are copied on request.
   */
  trainingState: 'shared-memory' | 'engine';
}

/** Dtypes of little-endian numbers in files, for {@link EngineMemory.read}: float32, bfloat16, binary16. */
export type StoredDtype = 'F32' | 'BF16' | 'F16';

/** Faster transfers to and from the engine's memory than `tf.tensor` and `dataSync`, if it has any. */
export interface EngineMemory {
  /** A float32 tensor whose memory the host may write. Call `view` again after any other allocation. */
  allocate?(shape: readonly number[]): { tensor: Tensor; view(): Float32Array };
  /** Grows the memory once, for upcoming allocations of this many bytes. */
  reserve?(bytes: number): void;
  /** Uploads a tensor's data now instead of at first use, so that the source array can be reused. */
  upload?(tensor: Tensor): void;
  /**
   * Reads a tensor's data from an open file directly into the engine's memory, in chunks between which other work can run.
   * Returns null if unsupported, or if the file is too short or can't be read; reading it another way then reports the
   * cause.
   */
  read?(options: {
    /** File descriptor, open for reading; stays open. */ descriptor: number;
    /** Offset of the data in bytes. */ position: number;
    /** Dtype in the file; 16-bit floats are widened exactly. */ dtype: StoredDtype;
    shape: readonly number[];
  }): Promise<Tensor | null>;
  /**
   * Allocates a weight `[rows, columns]` in fewer bits than float32 (one of the engine's `weightDtypes`), outside the
   * memory of tensors and its limits. Operations use it in place; reading it returns float32.
   *
   * @throws TensorError `out-of-memory`
   */
  storeWeight?(options: { dtype: WeightDtype; shape: readonly [number, number] }): WeightStore;
  /**
   * For engines that the host cannot wait for: the values of an int32 tensor if the host still has them, else null. If
   * absent, they are read synchronously.
   */
  hostIntegers?(tensor: Tensor): Int32Array | null;
}

/** An engine. Register it with {@link registerEngine}, or export it as `engine` from a package `@subtext/engine-NAME`. */
export interface Engine {
  name: EngineName;
  /** The TensorFlow.js backend behind it. */
  backend: string;
  /** One-line description. */
  summary: string;
  capabilities: EngineCapabilities;
  memory?: EngineMemory;
  /** Part of `@subtext/tensor`: `auto` then needs no self-test. */
  embedded?: boolean;
  /** The package it needs and the installed version, or null if it is not installed. */
  installed(): Promise<{ package: string; version: string } | null>;
  /**
   * Loads the engine and registers its backend and fused kernels; cached after the first call. Computations in progress
   * stay on their engine.
   *
   * @throws EngineError `engine-unavailable`, with advice
   */
  load(): Promise<EngineDevice>;
  /** Priority for `auto` on this device; 0: never chosen. */
  preference(device: EngineDevice): number;
  /** Whether starting it takes longer than doing the work on an engine that starts immediately; called before `load`. */
  startsTooSlowlyFor?(work: EngineWork): boolean;
  /** How to make it run, or run faster, on this machine; null if nothing is known. */
  advice(state: { installed: boolean; device: EngineDevice | null }): string | null;
}
