import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { packageConfig } from '@subtext/build/tsup';

/** Files loaded by tfjs's wasm backend; in a browser they are found next to our own files, wherever a bundler puts them. */
const backend = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
const assets = ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm'].map(
  (name) => join(backend, name),
);

const entry = { index: 'src/index.ts', engine: 'src/engine.ts' };

export default packageConfig({
  entry,
  browser: { entry, assets },
  required: {
    packages: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu', '@tensorflow/tfjs-backend-wasm'],
    from: import.meta.url,
  },
  // Chained tensor methods, added by src/generated/tensorflow-additions.js.
  declarationBanner: "import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';",
});
