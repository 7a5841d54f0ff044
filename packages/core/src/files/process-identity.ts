import { readFile, readlink } from 'node:fs/promises';

/** Whether a process of this machine is alive. */
export function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** What Linux's `/proc` says of a process. */
export interface ProcessStatus {
  /** When it started, in clock ticks since the machine's start. */
  started: string;
  /** The process that it was started by, or where that one has ended, the one that it was left to. */
  parent: number;
  /** Whether it has ended and waits for its parent to take note of that. */
  ended: boolean;
}

/** What the system knows of a process; undefined for one that is gone, and elsewhere than on Linux. */
export async function statusOf(processId: number): Promise<ProcessStatus | undefined> {
  try {
    const text = await readFile(`/proc/${processId}/stat`, 'utf8');
    // The second field is the program's name in brackets, which may hold blanks: counted is from behind it, field 3 on.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // A process of which other threads are still ending has not ended.
    const ended = 'ZX'.includes(fields[0]!) && Number(fields[17]) <= 1;
    return { started: fields[19]!, parent: Number(fields[1]), ended };
  } catch {
    return undefined;
  }
}

/** This machine's start and this process's namespace, from Linux's `/proc`; undefined elsewhere. */
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
