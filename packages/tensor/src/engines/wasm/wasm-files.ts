/** Tells TensorFlow.js where the files of its wasm backend are. In Node it finds them itself. */
export async function locateWasmFiles(): Promise<void> {}
