import { Worker } from 'node:worker_threads';

/** Runs in a separate thread, since the watched one is blocked. */
const watcher = `
const { workerData } = require('node:worker_threads');
setTimeout(() => {
  require('node:fs').writeSync(2, workerData.message);
  process.kill(process.pid, 'SIGKILL');
}, workerData.milliseconds);
`;

/**
 * Makes an MPI call that has no deadline of its own, such as initialisation and finalisation. If it does not return in
 * time, the process prints a message and kills itself, whereupon the launcher terminates the job.
 */
export async function watched<T>({
  what,
  deadlineSeconds,
  action,
}: {
  /** Description of the call. */
  what: string;
  /** 0: waits forever. */
  deadlineSeconds: number;
  action: () => T;
}): Promise<T> {
  if (deadlineSeconds === 0) return action();
  const message = `Error: ${what} did not finish within ${deadlineSeconds} s: another process does not respond. Terminating the job.\n`;
  const thread = new Worker(watcher, {
    eval: true,
    workerData: { message, milliseconds: deadlineSeconds * 1000 },
  });
  // Its timer must be running before this thread blocks.
  await new Promise((resolve) => thread.once('online', resolve));
  try {
    return action();
  } finally {
    await thread.terminate();
  }
}
