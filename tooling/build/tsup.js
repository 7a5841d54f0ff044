import { defineConfig } from 'tsup';
import { buildForBrowser } from './browser.js';
import { requireAtRuntime } from './require-at-runtime.js';

/**
 * The build of every package: JavaScript by default, declarations with `--dts-only`.
 * With `browser`, entries for browsers too, see browser.js; with `required`, packages that are required, see
 * require-at-runtime.js.
 * Two steps, because declarations take far longer and running the tool needs none.
 */
export function packageConfig({ entry, browser, declarationBanner, required, ...rest }) {
  return defineConfig((options) => {
    // What the command line says of declarations takes the place of `dts` here, so it is added to that.
    if (options.dts && declarationBanner !== undefined) options.dts.banner = declarationBanner;
    return {
      entry,
      format: ['esm'],
      target: 'node20',
      platform: 'node',
      sourcemap: !options.dts,
      clean: options.clean ?? !options.dts,
      splitting: true,
      treeshake: false,
      ...(required && !options.dts
        ? { noExternal: required.packages, esbuildPlugins: [requireAtRuntime(required)] }
        : {}),
      ...(browser && !options.dts ? { onSuccess: () => buildForBrowser(browser) } : {}),
      ...rest,
    };
  });
}
