import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

/**
 * Tells TensorFlow.js where the files of its wasm backend are: beside this one. Bundlers read these addresses and bring
 * the files along; TensorFlow.js would look beside the page.
 */
export async function locateWasmFiles(): Promise<void> {
  setWasmPaths({
    'tfjs-backend-wasm.wasm': new URL('./tfjs-backend-wasm.wasm', import.meta.url).href,
    'tfjs-backend-wasm-simd.wasm': new URL('./tfjs-backend-wasm-simd.wasm', import.meta.url).href,
    'tfjs-backend-wasm-threaded-simd.wasm': new URL('./tfjs-backend-wasm-threaded-simd.wasm', import.meta.url).href,
  });
}
