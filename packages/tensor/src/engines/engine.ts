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
  /** Whether it takes longer to start than the work takes on an engine that is there at once; asked before it is loaded. */
  startsTooSlowlyFor?(work: EngineWork): boolean;
  /** What would make it run, or run faster, here; null if nothing is known. */
  advice(state: { installed: boolean; device: EngineDevice | null }): string | null;
}
