import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['packages/*', 'packages/*/vitest.config.alone.ts', 'apps/*', 'examples'],
    // Vitest leaves a processor to itself, which of two is half of them.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ['default', './tooling/workspace/closing-line-reporter.mjs'],
  },
});
