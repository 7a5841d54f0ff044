import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../bin/subtext.js', import.meta.url));

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
  /** The lines of `--json`. */
  events: Record<string, unknown>[];
}

/** Runs the built command as a user does. `onOutput` sees the standard output as it comes. */
export function subtext(
  args: readonly string[],
  {
    folder,
    environment,
    onOutput,
  }: {
    folder?: string;
    environment?: Record<string, string>;
    onOutput?: (output: string, interrupt: (signal?: NodeJS.Signals) => void) => void;
  } = {},
): Promise<CommandResult> {
  if (!existsSync(fileURLToPath(new URL('../dist/main.js', import.meta.url))))
    throw new Error('The command is not built: run "npm run bootstrap" first.');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, ...args], {
      cwd: folder,
      env: { ...process.env, SUBTEXT_ENGINE: 'wasm', NO_COLOR: '1', HF_HUB_OFFLINE: '1', ...environment },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString();
      onOutput?.(stdout, (signal = 'SIGINT') => child.kill(signal));
    });
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      const events = stdout
        .split('\n')
        .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
      resolve({ code, stdout, stderr, events });
    });
  });
}
