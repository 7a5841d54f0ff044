/** The entry of a thread that runs one logger of the user's own: whatever that logger does ends this thread at most. */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

import type { LoggerAnswer, LoggerCall, LoggerStart } from './logger-protocol';
import type { RunLogger } from './run-logger';

const port = parentPort!;
const { path, options } = workerData as LoggerStart;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function answer(message: LoggerAnswer): void {
  port.postMessage(message);
}

async function load(): Promise<RunLogger> {
  const loaded = (await import(pathToFileURL(path).href).catch((error: unknown) => {
    throw new Error(`${messageOf(error)}. Give the path of a JavaScript module.`);
  })) as { createLogger?: unknown };
  if (typeof loaded.createLogger !== 'function') throw new Error('it does not export a function "createLogger".');
  const logger = (await (loaded.createLogger as (options: unknown) => unknown)(options)) as
    Partial<RunLogger> | undefined;
  for (const method of ['start', 'log', 'finish'] as const) {
    if (typeof logger?.[method] !== 'function')
      throw new Error(`what "createLogger" gives has no function "${method}".`);
  }
  return logger as RunLogger;
}

try {
  const logger = await load();
  port.on('message', async ({ id, method, payload }: LoggerCall) => {
    try {
      await logger[method](payload as never);
      answer({ id });
    } catch (error) {
      answer({ id, error: messageOf(error) });
    }
  });
  answer({ id: 0, ...(typeof logger.name === 'string' && { name: logger.name }) });
} catch (error) {
  answer({ id: 0, error: messageOf(error) });
}
