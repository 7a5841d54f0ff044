import { SubtextError } from '@subtext/core';
import { spawn } from 'node:child_process';

/** A command ended with an error, could not be started, or ran too long. */
export class CommandError extends SubtextError<'command-failed'> {
  override readonly name = 'CommandError';
  /** The end of what it printed. */
  readonly output: string;

  constructor({ message, output }: { message: string; output: string }) {
    super({ code: 'command-failed', message });
    this.output = output;
  }
}

export interface RunCommandOptions {
  command: string;
  args: readonly string[];
  /** Where it runs: never where Subtext was started, whose files (pip.py, .npmrc) some programs obey. */
  folder: string;
  environment?: NodeJS.ProcessEnv;
  /** Called with each line that the command prints. */
  onLine?: (line: string) => void;
  /** @default none */
  timeoutMilliseconds?: number;
  signal?: AbortSignal;
}

/** Runs a command to its end and returns what it printed on stdout. @throws CommandError */
export async function runCommand({
  command,
  args,
  folder,
  environment,
  onLine,
  timeoutMilliseconds,
  signal,
}: RunCommandOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    // npm and node-pre-gyp are batch files on Windows, which only a shell starts.
    const shell = process.platform === 'win32' && !/\.exe$/i.test(command);
    const child = spawn(command, [...args], {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell,
      signal,
    });
    // Not `spawn`'s own limit: its timer stays, and keeps the process alive, where the command could not be started.
    const limit = timeoutMilliseconds === undefined ? undefined : setTimeout(() => child.kill(), timeoutMilliseconds);
    let stdout = '';
    let tail = '';
    const take = (chunk: Buffer) => {
      const text = chunk.toString();
      tail = (tail + text).slice(-4000);
      for (const line of text.split(/[\r\n]+/)) {
        if (line.trim()) {
          onLine?.(line.trim());
        }
      }
    };
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      take(chunk);
    });
    child.stderr.on('data', take);
    child.on('error', (error) => {
      clearTimeout(limit);
      reject(
        signal?.aborted
          ? error
          : new CommandError({ message: `${command} cannot be started: ${error.message}`, output: tail }),
      );
    });
    child.on('close', (code, killed) => {
      clearTimeout(limit);
      if (code === 0) {
        resolve(stdout);
      } else {
        const lines = tail
          .trim()
          .split('\n')
          .map((line) => line.trim());
        // The line that names the error, where there is one: what follows it is often a stack or a version.
        const last =
          lines.findLast((line) => /^(\w*error|fatal|npm error|[^ ]+: (fatal )?error)\b.*:/i.test(line)) ??
          lines.at(-1) ??
          '';
        reject(
          new CommandError({
            message: `${command} ${killed ? `was stopped by ${killed}` : `ended with ${code}`}${last ? `: ${last}` : ''}`,
            output: tail,
          }),
        );
      }
    });
  });
}
