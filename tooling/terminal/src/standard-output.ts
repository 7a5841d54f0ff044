import { printable } from '@subtext/core';

/** Whether the standard output has ended: its reader left, or what it leads to takes no more. */
let ended = false;
/** Whether what was printed could not be kept although somebody wanted it: a full disk behind `> file`. */
let lost = false;
let printedOnly = true;
const controller = new AbortController();

/** Aborted once nobody reads the standard output any more: for commands whose only product it is. */
export const outputEnded: AbortSignal = controller.signal;

/** Says that what this command makes are files: lines that could not be printed are no failure of it. */
export function resultsAreFiles(): void {
  printedOnly = false;
}

/** Whether results were lost: lines that could not be printed for another reason than that their reader left. */
export function resultsLost(): boolean {
  return lost && printedOnly;
}

/** Writes to the standard output, unless it has ended: the work that a command does is not ended by a reader that leaves. */
export function writeOut(text: string): void {
  if (!ended) process.stdout.write(text);
}

/** Writes to the standard error; what cannot be told there cannot be told at all. */
export function writeError(text: string): void {
  process.stderr.write(text);
}

/** A line for the standard error, with control characters written out. */
export function writeErrorLine(text: string): void {
  writeError(`${printable(text)}\n`);
}

/**
 * Hears what goes wrong with the standard output, once for the process. A reader that leaves (`| head`) and a terminal
 * that closes are no fault: nothing is printed from then on, and the work goes on. A device that is full is told in one
 * line on the standard error.
 */
export function watchStandardOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (ended) return;
    ended = true;
    controller.abort();
    // EPIPE: the reader has left. EIO: the terminal is gone.
    if (error.code === 'EPIPE' || error.code === 'EIO' || error.code === 'ERR_STREAM_DESTROYED') return;
    lost = true;
    const reason = error.code === 'ENOSPC' ? 'the disk or device is full' : error.message;
    writeErrorLine(
      `The standard output takes no more: ${reason}${error.code === undefined ? '' : ` (${error.code})`}. What is printed from here on is lost; files are written as before.`,
    );
  });
  process.stderr.on('error', () => undefined);
}
