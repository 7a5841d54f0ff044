import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { TrainerError } from '../errors';
import type { RunLogger } from './run-logger';

/**
 * Loads a logger of the user's own: a JavaScript module that exports `createLogger(options)`, which gives a `RunLogger`.
 *
 * @throws TrainerError `INVALID_OPTION` where the module cannot be loaded or gives no logger
 */
export async function loadLogger({ module, options = {} }: { /** The module's path. */ module: string; /** Given to `createLogger`. @default {} */ options?: Readonly<Record<string, unknown>> }): Promise<RunLogger> {
  const refuse = (reason: string, cause?: unknown) => new TrainerError({ code: 'INVALID_OPTION', message: `The logger ${module} cannot be used: ${reason}`, cause });
  let loaded: { createLogger?: unknown };
  try {
    loaded = (await import(pathToFileURL(resolve(module)).href)) as typeof loaded;
  } catch (error) {
    throw refuse(`${error instanceof Error ? error.message : String(error)}. Give the path of a JavaScript module.`, error);
  }
  if (typeof loaded.createLogger !== 'function') throw refuse('it does not export a function "createLogger".');
  const logger = (await (loaded.createLogger as (options: unknown) => unknown)(options)) as Partial<RunLogger> | undefined;
  for (const method of ['start', 'log', 'finish'] as const) {
    if (typeof logger?.[method] !== 'function') throw refuse(`what "createLogger" gives has no function "${method}".`);
  }
  const given = logger as RunLogger;
  return { name: given.name ?? module, start: (start) => given.start(start), log: (entry) => given.log(entry), finish: (end) => given.finish(end) };
}
