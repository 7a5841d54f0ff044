import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { SubtextError } from '../subtext-error';

/** What is wrong with a module that was included. */
export type IncludeErrorCode = 'not-found' | 'invalid-module';

/** The error of a module that cannot be included. */
export class IncludeError extends SubtextError<IncludeErrorCode> {
  override readonly name = 'IncludeError';

  /** True for this package's errors, also when two copies of the package are installed. */
  static override isInstance(error: unknown): error is IncludeError {
    return SubtextError.isInstance(error) && error.name === 'IncludeError';
  }
}

/** Modules that this process, or this worker, has run. */
const included = new Set<string>();

/**
 * Runs modules of a user's own, each once: a module's default export is a function that is given `registries` (such as
 * `registerMethod`) and adds to them. They are handed over, not imported, so that a module may lie anywhere.
 *
 * @throws IncludeError `not-found` where there is no such file; `invalid-module` where it cannot be run, exports no
 *   function, or its function throws
 */
export async function includeModules({
  paths,
  registries,
}: {
  /** Paths of JavaScript modules, seen from the current folder. */
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
        message: `${path} cannot be included: ${cause instanceof Error ? cause.message : String(cause)}. It must export a default function, which is given ${Object.keys(registries).join(', ')}.`,
        cause,
      });
    }
  }
}
