import { Worker } from 'node:worker_threads';

/** Runs in a thread of its own, since the one that it watches stands still. */
const watcher = `
const { workerData } = require('node:worker_threads');
setTimeout(() => {
  require('node:fs').writeSync(2, workerData.message);
  process.kill(process.pid, 'SIGKILL');
}, workerData.milliseconds);
`;

/**
 * Carries out a call of MPI that knows no deadline, such as its beginning and its end. Where it does not come back, the
 * process says so and ends itself, by which its launcher ends the job.
 */
export async function watched<T>({
  what,
  deadlineSeconds,
  action,
}: {
  /** Is carried out, in words. */
  what: string;
  /** 0: waits for ever. */
  deadlineSeconds: number;
  action: () => T;
}): Promise<T> {
  if (deadlineSeconds === 0) return action();
  const message = `Error: ${what} has not ended within ${deadlineSeconds} s: another process does not answer. This one ends the job.\n`;
  const thread = new Worker(watcher, {
    eval: true,
    workerData: { message, milliseconds: deadlineSeconds * 1000 },
  });
  // Its clock must run before this thread stands still.
  await new Promise((resolve) => thread.once('online', resolve));
  try {
    return action();
  } finally {
    await thread.terminate();
  }
}
