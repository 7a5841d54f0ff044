import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { SubtextError } from '../subtext-error';

/** Why a module could not be included. */
export type IncludeErrorCode = 'not-found' | 'invalid-module';

/** Thrown by {@link includeModules}. */
export class IncludeError extends SubtextError<IncludeErrorCode> {
  override readonly name = 'IncludeError';

  /** True for errors of this class from any copy of the package. */
  static override isInstance(error: unknown): error is IncludeError {
    return SubtextError.isInstance(error) && error.name === 'IncludeError';
  }
}

/** Modules already run in this process or worker. */
const included = new Set<string>();

/**
 * Runs user modules, each once. A module's default export is a function that receives `registries` (such as
 * `registerMethod`) and registers its additions. The registries are passed in rather than imported, so that a module
 * can be located anywhere.
 *
 * @throws IncludeError `not-found` if the file does not exist; `invalid-module` if it cannot be run, does not export a
 *   function, or its function throws
 */
export async function includeModules({
  paths,
  registries,
}: {
  /** Paths of JavaScript modules, relative to the current folder. */
  paths: readonly string[];
  registries: Readonly<Record<string, unknown>>;
}): Promise<void> {
  for (const path of paths) {
    const { href } = pathToFileURL(resolve(path));
    if (included.has(href)) continue;
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile())
      throw new IncludeError({
        code: 'not-found',
        message: `There is no file ${path} to include. Give the path of a JavaScript module.`,
      });
    try {
      const { default: add } = (await import(href)) as { default?: unknown };
      if (typeof add !== 'function') throw new TypeError('it has no default export that is a function');
      await (add as (given: typeof registries) => unknown)(registries);
      included.add(href);
    } catch (cause) {
      throw new IncludeError({
        code: 'invalid-module',
        message: `${path} cannot be included: ${cause instanceof Error ? cause.message : String(cause)}. Its default export must be a function; it receives ${Object.keys(registries).join(', ')}.`,
        cause,
      });
    }
  }
}
