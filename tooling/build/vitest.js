import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const packages = fileURLToPath(new URL('../../packages/', import.meta.url));
const surroundings = fileURLToPath(new URL('./vitest-surroundings.js', import.meta.url));

/** Tests import the sources of the other packages, so that no build is needed between an edit and a test. */
const alias = readdirSync(packages).flatMap((name) => [
  { find: new RegExp(`^@subtext/${name}$`), replacement: `${packages}${name}/src/index.ts` },
  { find: new RegExp(`^@subtext/${name}/(node|engine|pytorch)$`), replacement: `${packages}${name}/src/$1.ts` },
]);

alias.push({
  find: /^@subtext\/eval-cli\/program$/,
  replacement: fileURLToPath(new URL('../../apps/eval/src/program.ts', import.meta.url)),
});

/** The test configuration of every package. */
export function testConfig({ name, ...test } = {}) {
  return defineConfig({
    resolve: { alias },
    test: {
      name,
      include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
      testTimeout: 120_000,
      hookTimeout: 120_000,
      pool: 'forks',
      ...test,
      setupFiles: [surroundings, ...(test.setupFiles ?? [])],
    },
  });
}
