import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';

import { TrainerError } from '../errors';
import type { LoggerAnswer, LoggerCall, LoggerStart } from './logger-protocol';
import type { RunLogger } from './run-logger';

/** Milliseconds that a module may take to give its logger. */
const LOAD_TIME = 30_000;

/** Megabytes that a logger may hold. */
const MEMORY = 512;

/** Sources run only in tests; there the built thread is taken. */
function workerUrl(): URL {
  return new URL(
    import.meta.url.endsWith('.ts') ? '../../dist/logger-worker.js' : './logger-worker.js',
    import.meta.url,
  );
}

/**
 * Loads a logger of the user's own: a JavaScript module that exports `createLogger(options)`, which gives a `RunLogger`.
 * It runs in a thread of its own, so that nothing it does — an exception in a timer, a rejection that nobody handles, a
 * loop without end, a call of `process.exit` — ends or holds up the training.
 *
 * @throws TrainerError `invalid-option` where the module cannot be loaded or gives no logger
 */
export async function loadLogger({
  module,
  options = {},
}: {
  /** The module's path. */ module: string;
  /** Given to `createLogger`; must be cloneable. @default {} */ options?: Readonly<Record<string, unknown>>;
}): Promise<RunLogger> {
  const refuse = (reason: string, cause?: unknown) =>
    new TrainerError({ code: 'invalid-option', message: `The logger ${module} cannot be used: ${reason}`, cause });
  const thread = new Worker(workerUrl(), {
    workerData: { path: resolve(module), options } satisfies LoggerStart,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY },
  });
  // The process may end while the logger still has something to do.
  thread.unref();
  const pending = new Map<number, { resolve: (name?: string) => void; reject: (error: Error) => void }>();
  let lost: Error | undefined;
  const fail = (reason: string) => {
    lost ??= new Error(reason);
    for (const { reject } of pending.values()) reject(lost);
    pending.clear();
  };
  thread.on('message', (message: LoggerAnswer) => {
    const call = pending.get(message.id);
    pending.delete(message.id);
    if ('error' in message) call?.reject(new Error(message.error));
    else call?.resolve(message.name);
  });
  thread.on('error', (error) => fail(error instanceof Error ? error.message : String(error)));
  thread.on('exit', (code) => fail(`its thread ended (exit code ${code})`));
  const answerTo = (id: number) =>
    new Promise<string | undefined>((accept, reject) => pending.set(id, { resolve: accept, reject }));

  let name: string | undefined;
  const timer = setTimeout(() => fail(`it was not ready after ${LOAD_TIME / 1000} seconds`), LOAD_TIME);
  try {
    name = await answerTo(0);
  } catch (error) {
    await thread.terminate();
    throw refuse(error instanceof Error ? error.message : String(error), error);
  } finally {
    clearTimeout(timer);
  }
  let calls = 0;
  const call = async (method: LoggerCall['method'], payload: unknown): Promise<void> => {
    if (lost) throw lost;
    const id = ++calls;
    const answer = answerTo(id);
    thread.postMessage({ id, method, payload } satisfies LoggerCall);
    await answer;
  };
  return {
    name: name ?? module,
    start: (start) => call('start', start),
    log: (entry) => call('log', entry),
    finish: (end) => call('finish', end),
    async dispose() {
      await thread.terminate();
    },
  };
}
