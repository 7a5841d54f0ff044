import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const packages = fileURLToPath(new URL('../../packages/', import.meta.url));
const surroundings = fileURLToPath(new URL('./vitest-surroundings.js', import.meta.url));

/** Tests import the sources of the other packages, so that no build is needed between an edit and a test. */
const alias = readdirSync(packages).flatMap((name) => [
  { find: new RegExp(`^@subtext/${name}$`), replacement: `${packages}${name}/src/index.ts` },
  {
    find: new RegExp(`^@subtext/${name}/(node|engine|pytorch|runs|cards)$`),
    replacement: `${packages}${name}/src/$1.ts`,
  },
]);

alias.push({
  find: /^@subtext\/eval-cli\/program$/,
  replacement: fileURLToPath(new URL('../../apps/eval/src/program.ts', import.meta.url)),
});

/**
 * The test configuration of every package. Its test files share their processes, which load the package once: files that
 * need it for themselves, because they put a stand-in in the place of a module or load the package anew, are called
 * `*.alone.test.ts` and have a configuration of their own, vitest.config.alone.ts.
 */
export function testConfig({ name, alone = false, ...test } = {}) {
  const kind = alone ? '.alone.test.ts' : '.test.ts';
  return defineConfig({
    resolve: { alias },
    test: {
      name,
      include: [`src/**/*${kind}`, `test/**/*${kind}`],
      exclude: ['**/node_modules/**', ...(alone ? [] : ['**/*.alone.test.ts'])],
      testTimeout: 120_000,
      hookTimeout: 120_000,
      pool: 'forks',
      isolate: alone,
      ...test,
      setupFiles: [surroundings, ...(test.setupFiles ?? [])],
    },
  });
}
