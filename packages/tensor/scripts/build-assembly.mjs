/**
 * Compiles `assembly/` twice (plain SIMD, and relaxed SIMD with fused multiply-add) into `src/engines/wasm/kernels/generated/`.
 * `node scripts/build-assembly.mjs` writes; with `--check` it only compares and exits 1 where a file is stale.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compileVariant, variants } from './compile-assembly.mjs';

const folder = fileURLToPath(new URL('../src/engines/wasm/kernels/generated/', import.meta.url));
await mkdir(folder, { recursive: true });
let stale = false;
for (const variant of variants) {
  const { binary, text } = await compileVariant(variant);
  const file = `${folder}${variant.name}.ts`;
  if (process.argv.includes('--check')) {
    if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
      stale = true;
      console.error(`${file} does not match assembly/: run "node scripts/build-assembly.mjs" in packages/tensor.`);
    }
  } else {
    await writeFile(file, text);
    console.log(`${variant.name}: ${binary.length} bytes`);
  }
}
if (stale) process.exit(1);
