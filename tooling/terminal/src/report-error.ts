/** Prints an error for people or machines and gives the exit code. A stack is shown only where the error is ours. */
export function reportError({ error, json }: { error: unknown; json: boolean }): number {
  const aborted = error instanceof Error && error.name === 'AbortError';
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  // Errors with a code, and mistakes in usage, say what to do; anything else is a fault of the program.
  const expected = code !== undefined || aborted || (error instanceof Error && error.name === 'UsageError');
  if (json) process.stdout.write(`${JSON.stringify({ event: 'error', code, message })}\n`);
  process.stderr.write(`${aborted ? 'Stopped.' : `Error: ${message}`}\n`);
  if (!expected && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\nThis is a fault of Subtext: please report it with the lines above.\n`);
  return aborted ? 130 : 1;
}
