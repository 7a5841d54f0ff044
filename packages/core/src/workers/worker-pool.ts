import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { anotherFailed } from './barrier';
import { WorkerError } from './worker-error';
import type { WorkerAnswer, WorkerCall, WorkerStart } from './worker-protocol';

/** Time a failed call waits for the worker that caused the failure to report it, in milliseconds. */
const REASON_TIME = 2_000;

/** Worker threads that each run one task module with its own engine. */
export interface WorkerPool {
  readonly size: number;
  /** Calls a function of one worker. Calls to the same worker run in order. */
  call<Result>(options: { worker: number; method: string; payload?: unknown }): Promise<Result>;
  /** Calls a function in every worker; `payload` may differ per worker. */
  callAll<Result>(options: { method: string; payload?: (worker: number) => unknown }): Promise<Result[]>;
  close(): Promise<void>;
}

/** Tests run from source; they use the built worker. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? '../../dist/worker.js' : './worker.js', import.meta.url);
}

/** Starts the workers and waits until all are ready. @throws WorkerError `worker-failed` with the worker's message */
export async function startWorkers({
  count,
  start,
}: {
  /** Number of threads. */
  count: number;
  /** What each worker runs. */
  start: (worker: number) => WorkerStart;
}): Promise<WorkerPool> {
  const workers = Array.from({ length: count }, (_, index) => {
    const pending = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
    const thread = new Worker(workerUrl(), { workerData: start(index) });
    let lost: Error | undefined;
    const fail = (error: Error) => {
      lost = error;
      for (const { reject } of pending.values()) reject(error);
      pending.clear();
    };
    const ready = new Promise<void>((resolve, reject) => pending.set(0, { resolve: resolve as () => void, reject }));
    thread.on('message', (message: WorkerAnswer) => {
      const call = pending.get(message.id);
      pending.delete(message.id);
      if (!call) return;
      if ('error' in message) call.reject(failure(message.error));
      else call.resolve(message.result as never);
    });
    thread.on('error', (error) => fail(failure(error instanceof Error ? error : { message: String(error) })));
    thread.on('exit', (code) =>
      fail(new WorkerError({ code: 'worker-failed', message: `A worker ended early (exit code ${code}).` })),
    );
    return {
      thread,
      ready,
      call(id: number, method: string, payload: unknown): Promise<never> {
        if (lost) return Promise.reject(lost);
        return new Promise<never>((resolve, reject) => {
          pending.set(id, { resolve, reject });
          thread.postMessage({ id, method, payload } satisfies WorkerCall);
        });
      },
    };
  });

  let calls = 0;
  const pool: WorkerPool = {
    size: count,
    call: ({ worker, method, payload }) => workers[worker]!.call(++calls, method, payload),
    async callAll({ method, payload }) {
      const calls = workers.map((_, worker) => pool.call<never>({ worker, method, payload: payload?.(worker) }));
      try {
        return await Promise.all(calls);
      } catch (error) {
        // A worker that was only waiting for the failed one may report first.
        if (!(error instanceof Error && error.message.startsWith(anotherFailed))) throw error;
        const settled = await Promise.race([Promise.allSettled(calls), sleep(REASON_TIME, [], { ref: false })]);
        const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
        throw reasons.find((reason) => reason instanceof Error && !reason.message.startsWith(anotherFailed)) ?? error;
      }
    },
    async close() {
      for (const { thread } of workers) thread.removeAllListeners('exit');
      await Promise.all(workers.map(({ thread }) => thread.terminate()));
    },
  };
  try {
    await Promise.all(workers.map(({ ready }) => ready));
  } catch (error) {
    await pool.close();
    throw error;
  }
  return pool;
}

function failure({ message, code, stack }: { message: string; code?: string; stack?: string }): WorkerError {
  // Keep the worker's error code where it is actionable.
  const error = new WorkerError({
    code: code === 'out-of-memory' ? code : 'worker-failed',
    message: code ? `${message} (${code})` : message,
  });
  if (stack) error.stack = stack;
  return error;
}
