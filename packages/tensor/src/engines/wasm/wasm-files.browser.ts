import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

/**
 * Tells TensorFlow.js that the files of its wasm backend are next to this file. Bundlers recognise these URLs and include
 * the files; by default TensorFlow.js would look next to the page.
 */
export async function locateWasmFiles(): Promise<void> {
  setWasmPaths({
    'tfjs-backend-wasm.wasm': new URL('./tfjs-backend-wasm.wasm', import.meta.url).href,
    'tfjs-backend-wasm-simd.wasm': new URL('./tfjs-backend-wasm-simd.wasm', import.meta.url).href,
    'tfjs-backend-wasm-threaded-simd.wasm': new URL('./tfjs-backend-wasm-threaded-simd.wasm', import.meta.url).href,
  });
}
