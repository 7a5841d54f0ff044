import { runProgram } from '@subtext/terminal';
import type { Command } from 'commander';

import { commands as entries } from './commands/registry';
import { version } from '../package.json';

/** Carries out a command line of `subtext-eval`, which `subtext eval` is too. */
export async function evalProgram({
  name = 'subtext-eval',
  words,
}: {
  /** What help texts call it. @default 'subtext-eval' */
  name?: string;
  /** The command line after the program's name. @default that of the process */
  words?: readonly string[];
} = {}): Promise<void> {
  await runProgram({
    name,
    description:
      'Evaluate models that reason: benchmarks, comparisons, and audits of whether thoughts are used and read.',
    version,
    commands: entries,
    ...(words === undefined ? {} : { words }),
  });
}

/** Every command: its line in a list of commands, and how to bring it. The type names no package that is not published. */
export const commands: Readonly<Record<string, { description: string; load: () => Promise<Command> }>> = entries;
