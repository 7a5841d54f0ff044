import type { Tensor } from '@tensorflow/tfjs-core';
import type { WeightDtype, WeightStore } from './weight-dtypes';

/** What computes: `cpu` and `wasm` are part of this package, `NAME` comes with the package `@subtext/engine-NAME`. */
export type EngineName = string;

/** Where a loaded engine computes. */
export interface EngineDevice {
  kind: 'cpu' | 'gpu';
  /** For people: the processor's or the GPU's name, and the library's version. */
  name: string;
  /** True for a GPU that a processor imitates (SwiftShader, lavapipe). */
  software?: boolean;
}

/** How much there is to compute, as far as it is known beforehand. */
export interface EngineWork {
  /** Numbers that the model has. */
  parameters: number;
  /** Positions that go through it, in all. */
  positions: number;
  /** Whether it trains: a backward pass costs about two forward ones. @default false */
  trains?: boolean;
}

/** Multiply-adds of it, about. */
export function multiplyAdds({ parameters, positions, trains = false }: EngineWork): number {
  return parameters * positions * (trains ? 3 : 1);
}

/** What an engine can do, for those who plan by it: nobody outside an engine's folder asks for its name. */
export interface EngineCapabilities {
  /** What one call computes on: one thread, so that more workers make it faster, or all that the device has. */
  threads: 'one' | 'all';
  /**
   * Of a model of so many parameters at most, workers that share the machine train faster than one that computes on all of
   * it: most of a step goes by between its calls. @default 0
   */
  workersUpTo?: number;
  /** The most bytes of weights that it holds; null where the machine's memory, or the device's, is the limit. */
  largestWeights: number | null;
  /** The most bytes of memory that it can have in all; null as above. */
  largestMemory: number | null;
  /** Whether `dataSync` works: where not, numbers are read with `await tensor.data()`. */
  synchronousReads: boolean;
  /** How the numbers of a tensor may be stored. */
  dtypes: readonly ('float32' | 'int32' | 'bool')[];
  /** How weights that do not train may be stored: see {@link EngineMemory.storeWeight}. @default float32 alone */
  weightDtypes?: readonly WeightDtype[];
  /**
   * Where weights and the optimizer's moments live while a model trains: in the process's own memory, which its threads
   * share, or on the engine, which brings them back when they are asked for.
   */
  trainingState: 'shared-memory' | 'engine';
}

/** How {@link EngineMemory.read} finds numbers in a file, little-endian: float32, bfloat16, binary16. */
export type StoredDtype = 'F32' | 'BF16' | 'F16';

/** How numbers come into the engine's memory and back, where there is a better way than `tf.tensor` and `dataSync`. */
export interface EngineMemory {
  /** A float32 tensor whose memory the host may fill: `view` is to be asked for again after anything else was allocated. */
  allocate?(shape: readonly number[]): { tensor: Tensor; view(): Float32Array };
  /** Has memory grow once, for that many bytes to come. */
  reserve?(bytes: number): void;
  /** Brings a tensor's numbers to the engine now, not at its first use: the array that it was made of can then be used again. */
  upload?(tensor: Tensor): void;
  /**
   * Reads a tensor's numbers from an open file straight into the engine's memory, in pieces between which other work has
   * its turn. Null where it can't, or where the file ends before or cannot be read: reading it another way then says what
   * is wrong.
   */
  read?(options: {
    /** Of a file open for reading; stays open. */ descriptor: number;
    /** Byte at which the numbers begin. */ position: number;
    /** How they lie in the file; 16-bit numbers are widened exactly, bit for bit. */ dtype: StoredDtype;
    shape: readonly number[];
  }): Promise<Tensor | null>;
  /**
   * Room for a weight `[rows, columns]` in fewer bits than float32, apart from the memory of tensors and its limits: one
   * of the engine's `weightDtypes`. Operations read it where it lies; its numbers, asked for, are float32.
   *
   * @throws TensorError `out-of-memory`
   */
  storeWeight?(options: { dtype: WeightDtype; shape: readonly [number, number] }): WeightStore;
  /**
   * Where the host cannot wait for the engine: the numbers of an int32 tensor if the host has them still, else null.
   * Without it they are read in a call.
   */
  hostIntegers?(tensor: Tensor): Int32Array | null;
}

/** An engine: {@link registerEngine} makes it known, or its package `@subtext/engine-NAME` exports it as `engine`. */
export interface Engine {
  name: EngineName;
  /** The TensorFlow.js backend behind it. */
  backend: string;
  /** One line for people. */
  summary: string;
  capabilities: EngineCapabilities;
  memory?: EngineMemory;
  /** Whether it is part of `@subtext/tensor` and runs as surely as that does: `auto` then needs no self-test. */
  embedded?: boolean;
  /** The package it needs and that package's version here, or null if it is not installed. */
  installed(): Promise<{ package: string; version: string } | null>;
  /**
   * Loads the engine and registers its backend and fused kernels; once loaded, answers from memory. What computes
   * meanwhile goes on where it is.
   *
   * @throws EngineError `engine-unavailable`, saying what to do.
   */
  load(): Promise<EngineDevice>;
  /** How much `auto` likes it on that device; 0: never. */
  preference(device: EngineDevice): number;
  /** Whether it takes longer to start than the work takes on an engine that is there at once; asked before it is loaded. */
  startsTooSlowlyFor?(work: EngineWork): boolean;
  /** What would make it run, or run faster, here; null if nothing is known. */
  advice(state: { installed: boolean; device: EngineDevice | null }): string | null;
}
