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

/** Start time of a process in clock ticks since the machine's start, from Linux's `/proc`; undefined elsewhere. */
export async function startOf(processId: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${processId}/stat`, 'utf8');
    // The second field is the program's name in brackets, which may hold blanks; the start time is field 22.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
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
