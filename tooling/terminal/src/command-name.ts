import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The packages of the programs. */
const packages = { subtext: '@subtext/cli', 'subtext-eval': '@subtext/eval-cli' } as const;

/**
 * How a program is called from a folder: `npx subtext` where it is installed in a project, or in a clone; elsewhere
 * `npx @subtext/cli`, since npx would there take the bare name for a package of a stranger.
 */
export function commandName(
  program: keyof typeof packages = 'subtext',
  {
    folder = process.cwd(),
  }: {
    /** Where it is to be called. @default the current folder */
    folder?: string;
  } = {},
): string {
  const owner = packages[program];
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, 'node_modules', owner, 'package.json'))) return `npx ${program}`;
    if (at === dirname(at)) return `npx ${owner}`;
  }
}
