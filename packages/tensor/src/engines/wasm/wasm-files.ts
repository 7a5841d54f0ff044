/** Locates the files of TensorFlow.js's wasm backend. A no-op in Node, where it finds them itself. */
export async function locateWasmFiles(): Promise<void> {}
