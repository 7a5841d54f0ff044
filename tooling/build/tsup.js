import { defineConfig } from 'tsup';

/**
 * The build of every package: JavaScript by default, declarations with `--dts-only`.
 * Two steps, because declarations take far longer and running the tool needs none.
 */
export function packageConfig({ entry, ...rest }) {
  return defineConfig((options) => ({
    entry,
    format: ['esm'],
    target: 'node20',
    platform: 'node',
    sourcemap: !options.dts,
    clean: options.clean ?? !options.dts,
    splitting: true,
    treeshake: false,
    ...rest,
  }));
}
