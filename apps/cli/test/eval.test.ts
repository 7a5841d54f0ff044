import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { subtext } from './run-command';

const evalCommand = fileURLToPath(new URL('../../eval/bin/subtext-eval.js', import.meta.url));

/** The same words to the program of its own. */
const own = (words: readonly string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      [evalCommand, ...words],
      { env: { ...process.env, NO_COLOR: '1' } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

describe('subtext eval', () => {
  it('lists the commands in its help and in that of subtext', async () => {
    const [help, told] = await Promise.all([subtext(['eval', '--help']), subtext(['help', 'eval'])]);
    for (const { code, stdout } of [help, told]) {
      expect(code).toBe(0);
      for (const name of ['run', 'list', 'compare', 'audit'])
        expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
    }
    expect(help.stdout).toContain('Usage: subtext eval ');
    expect((await subtext(['--help'])).stdout).toMatch(/^ {2}eval\b/m);
    expect((await subtext(['eval', 'run', '--help'])).stdout).toContain('Usage: subtext eval run ');
  });

  it('says what subtext-eval says, with its exit codes', async () => {
    for (const words of [
      ['list', '--json'],
      ['compare', 'nowhere'],
      ['run', '--model', 'm', '--output', 'o'],
    ]) {
      const [through, direct] = await Promise.all([subtext(['eval', ...words]), own(words)]);
      expect(through).toMatchObject(direct);
    }
    expect((await subtext(['eval', 'rnu'])).code).toBe(1);
  });
});
