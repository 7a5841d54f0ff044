import { writeError } from './standard-output';

/** Signals that ask a process to end: the terminal's, the system's, and SIGUSR1, by which Slurm tells that time is up. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const;

/** What a shell reports for a process that a signal ended: 128 and the signal's number. */
const exitCodes: Record<(typeof signals)[number], number> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGUSR1: process.platform === 'linux' ? 138 : 158,
  SIGTERM: 143,
};

/** The exit code of work that was stopped, saved, and goes on when the same command is started again. */
export const STOPPED = 130;

let current: AbortController | undefined;
let saving = false;
let silent = false;

/** Seconds that work which saves nothing has to end by itself. */
const PATIENCE = 3;

/**
 * Listens to the signals that end a process, before anything else is done. Without a listener SIGUSR1 would open Node's
 * debugger to every user of the machine. Until a command takes over by `interruptSignal`, each ends the process at once.
 */
export function watchSignals(): void {
  for (const signal of signals) {
    process.on(signal, () => {
      if (!current) process.exit(exitCodes[signal]);
      if (current.signal.aborted) {
        // Others than Ctrl-C come twice by themselves (a batch system's warning and its end): what is being saved is not cut off.
        if (signal === 'SIGINT' || !saving) process.exit(exitCodes[signal]);
        return;
      }
      if (!silent) writeError(saving ? '\nStopping after this step; press Ctrl-C again to end at once.\n' : '\n');
      current.abort();
      if (!saving) setTimeout(() => process.exit(exitCodes[signal]), PATIENCE * 1000).unref();
    });
  }
}

/**
 * A signal that SIGINT, SIGTERM, SIGHUP and SIGUSR1 abort, so that long work saves and leaves; a second SIGINT ends at once.
 */
export function interruptSignal({
  saves = true,
  quiet = false,
}: {
  /** Whether nothing is said of it: by one of several processes that work together, of which the first one speaks. @default false */
  quiet?: boolean;
  /** Whether there is something to save, which may take its time; else the process ends after some seconds in any case. @default true */
  saves?: boolean;
} = {}): AbortSignal {
  // Programs that are not run by `runProgram` have no listeners yet.
  if (process.listenerCount('SIGUSR1') === 0) watchSignals();
  current ??= new AbortController();
  saving ||= saves;
  silent ||= quiet;
  return current.signal;
}
