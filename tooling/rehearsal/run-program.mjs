import { spawn } from 'node:child_process';

/**
 * Runs a program to its end and gives back whether it succeeded, with what it said.
 *
 * @param options.program What is run: a path, or a name on the path (npm's own are scripts on Windows, which need a shell).
 * @param options.args Its words.
 * @param options.folder Where it runs.
 * @param options.environment Variables beside those of this process; undefined takes one away.
 * @param options.mayFail Whether failure is a result; otherwise it throws with the end of what the program said.
 */
export function runProgram({ program, args = [], folder, environment = {}, mayFail = false }) {
  const shell = process.platform === 'win32' && (program === 'npm' || program === 'npx');
  const child = spawn(shell ? `${program}.cmd` : program, args, {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell,
  });
  let output = '';
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0 || mayFail) return resolve({ ok: status === 0, output, stdout, status });
      reject(new Error(`${program} ${args.join(' ')} ended with ${status}:\n${output.slice(-4000)}`));
    });
  });
}
