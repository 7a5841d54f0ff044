/** What computes. */
export type EngineName = 'cpu' | 'wasm' | 'tensorflow' | 'webgpu';

/** Where a loaded engine computes. */
export interface EngineDevice {
  kind: 'cpu' | 'gpu';
  /** For people: the processor's or the GPU's name, and the library's version. */
  name: string;
  /** True for a GPU that a processor imitates (SwiftShader, lavapipe). */
  software?: boolean;
}

/** An engine: one file that makes one of these, and one line in the registry. */
export interface Engine {
  name: EngineName;
  /** The TensorFlow.js backend behind it. */
  backend: string;
  /** One line for people. */
  summary: string;
  /** The package it needs and that package's version here, or null if it is not installed. */
  installed(): Promise<{ package: string; version: string } | null>;
  /**
   * Loads the engine and registers its backend and fused kernels; once loaded, answers from memory.
   *
   * @throws EngineError `engine-unavailable`, saying what to do.
   */
  load(): Promise<EngineDevice>;
  /** How much `auto` likes it on that device; 0: never. */
  preference(device: EngineDevice): number;
  /** What would make it run, or run faster, here; null if nothing is known. */
  advice(state: { installed: boolean; device: EngineDevice | null }): string | null;
}
