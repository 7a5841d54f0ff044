import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compileVariant, variants } from '../../../../scripts/compile-assembly.mjs';

describe('the compiled kernels in the package', () => {
  it.each(variants)('$name are what assembly/ compiles to (else: npm run build:assembly)', async (variant) => {
    const { text } = await compileVariant(variant);
    const committed = await readFile(fileURLToPath(new URL(`generated/${variant.name}.ts`, import.meta.url)), 'utf8');
    // A comparison of half a megabyte would print it all.
    expect(committed.replaceAll('\r\n', '\n') === text).toBe(true);
  });
});
