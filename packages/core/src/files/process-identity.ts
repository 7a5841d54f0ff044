import { readFile, readlink } from 'node:fs/promises';

/** Whether a process on this machine is alive. */
export function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it is alive, but belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Status of a process from Linux's `/proc`. */
export interface ProcessStatus {
  /** Start time in clock ticks since boot. */
  started: string;
  /** Id of the parent, or of the process that adopted it after the parent exited. */
  parent: number;
  /** Whether it has exited and is waiting to be reaped (a zombie). */
  ended: boolean;
}

/** Status of a process; undefined if it does not exist, or if the system is not Linux. */
export async function statusOf(processId: number): Promise<ProcessStatus | undefined> {
  try {
    const text = await readFile(`/proc/${processId}/stat`, 'utf8');
    // The second field is the program name in parentheses, which may contain spaces: split what follows it, from field 3.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // While other threads are still exiting, the process has not ended.
    const ended = 'ZX'.includes(fields[0]!) && Number(fields[17]) <= 1;
    return { started: fields[19]!, parent: Number(fields[1]), ended };
  } catch {
    return undefined;
  }
}

/** Boot id and process namespace, from Linux's `/proc`; undefined on other systems. */
export async function processSpace(): Promise<string | undefined> {
  try {
    const [boot, namespace] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readlink('/proc/self/ns/pid'),
    ]);
    return `${boot.trim()} ${namespace}`;
  } catch {
    return undefined;
  }
}
