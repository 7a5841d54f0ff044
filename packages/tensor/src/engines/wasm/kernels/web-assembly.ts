/** The parts of the WebAssembly interface used here, whose types otherwise come only with the browser's library. */
export interface WebAssemblyMemory {
  readonly buffer: ArrayBufferLike;
}

export interface WebAssemblyInstance {
  exports: Record<string, unknown>;
}

type Imports = Record<string, Record<string, unknown>>;

interface WebAssemblyInterface {
  validate(bytes: Uint8Array): boolean;
  instantiate(bytes: Uint8Array, imports: Imports): Promise<{ instance: WebAssemblyInstance }>;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: Imports) => WebAssemblyInstance;
  Memory: new (limits: { initial: number; maximum: number; shared?: boolean }) => WebAssemblyMemory;
}

export const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyInterface }).WebAssembly;
