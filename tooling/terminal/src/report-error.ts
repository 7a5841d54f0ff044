import { printable } from '@subtext/core';

import { writeErrorLine, writeOut } from './standard-output';

/** What to do about the system's refusals, which say only what was tried. */
const advice: Record<string, string> = {
  EACCES: 'There is no permission: choose another folder or change its permissions.',
  EPERM: 'There is no permission: choose another folder or change its permissions.',
  EROFS: 'The file system is read-only: choose another folder.',
  ENOSPC: 'The disk is full: free some space and run the command again.',
  EDQUOT: 'The disk quota is used up: free some space and run the command again.',
};

/** Prints an error for people or machines and gives the exit code. A stack is shown only where the error is ours. */
export function reportError({ error, json }: { error: unknown; json: boolean }): number {
  const aborted = error instanceof Error && error.name === 'AbortError';
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const plain = error instanceof Error ? error.message : String(error);
  const system = error instanceof Error && 'syscall' in error && code !== undefined ? advice[code] : undefined;
  const message = system === undefined ? plain : `${plain}. ${system}`;
  // Errors with a code, and mistakes in usage, say what to do; anything else is a fault of the program.
  const expected = code !== undefined || aborted || (error instanceof Error && error.name === 'UsageError');
  if (json) writeOut(`${printable(JSON.stringify({ event: 'error', code, message }))}\n`);
  writeErrorLine(aborted ? 'Stopped.' : `Error: ${message}`);
  if (!expected && error instanceof Error)
    writeErrorLine(`${error.stack ?? ''}\nThis is a fault of Subtext: please report it with the lines above.`);
  return aborted ? 130 : 1;
}
