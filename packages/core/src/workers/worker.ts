/** Entry point of worker threads: imports the task and handles calls one at a time. */
import { parentPort, workerData } from 'node:worker_threads';

import type { WorkerAnswer, WorkerCall, WorkerStart, WorkerTaskModule } from './worker-protocol';

const port = parentPort!;
const { module, options } = workerData as WorkerStart;

function describe(error: unknown): { message: string; code?: string; stack?: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { message: error.message, code, stack: error.stack };
}

function answer(message: WorkerAnswer): void {
  port.postMessage(message);
}

try {
  const { createWorkerTask } = (await import(module)) as WorkerTaskModule;
  const task = await createWorkerTask(options);
  port.on('message', async ({ id, method, payload }: WorkerCall) => {
    try {
      answer({ id, result: await task[method]!(payload as never) });
    } catch (error) {
      answer({ id, error: describe(error) });
    }
  });
  answer({ id: 0, result: 'ready' });
} catch (error) {
  answer({ id: 0, error: describe(error) });
}
