/** The parts of the WebAssembly interface used here, whose types otherwise come only with the browser's library. */
export interface WebAssemblyMemory {
  readonly buffer: ArrayBufferLike;
}

interface WebAssemblyInterface {
  validate(bytes: Uint8Array): boolean;
  instantiate(bytes: Uint8Array, imports: Record<string, Record<string, unknown>>): Promise<{ instance: { exports: Record<string, unknown> } }>;
}

export const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyInterface }).WebAssembly;
