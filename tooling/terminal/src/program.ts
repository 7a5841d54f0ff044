import { printable } from '@subtext/core';
import { tuneProcess } from '@subtext/core/node';
import { Command, CommanderError } from 'commander';

import { watchSignals } from './interrupt';
import { reportError } from './report-error';
import { resultsLost, watchStandardOutput, writeError } from './standard-output';

/** A command of a program. */
export interface CommandEntry {
  /** One line in the list of commands and at the head of the command's own help. */
  description: string;
  /** Brings the command's module: only for the command that is asked for, since what they compute with takes seconds to load. */
  load: () => Promise<Command>;
}

/** The command that a command line asks for, or asks the help of; undefined where it names none that there is. */
export function commandAskedFor({
  commands,
  words,
}: {
  commands: Readonly<Record<string, CommandEntry>>;
  words: readonly string[];
}): string | undefined {
  const [first, second] = words.filter((word) => !word.startsWith('-'));
  const name = first === 'help' ? second : first;
  return name !== undefined && Object.hasOwn(commands, name) ? name : undefined;
}

/** Carries out a command line; the exit code tells how it went. */
export async function runProgram({
  name,
  description,
  version,
  commands,
  words = process.argv.slice(2),
}: {
  name: string;
  description: string;
  version: string;
  commands: Readonly<Record<string, CommandEntry>>;
  /** The command line after the program's name. @default that of the process */
  words?: readonly string[];
}): Promise<void> {
  tuneProcess();
  watchSignals();
  watchStandardOutput();
  const program = new Command(name)
    .description(description)
    .version(version)
    .showHelpAfterError(`(${name} --help lists the commands)`)
    .exitOverride()
    .configureOutput({ writeErr: (text) => writeError(printable(text)) });
  try {
    const asked = commandAskedFor({ commands, words });
    for (const [key, entry] of Object.entries(commands)) {
      const command = key === asked ? await entry.load() : new Command(key);
      program.addCommand(command.description(entry.description).copyInheritedSettings(program).exitOverride());
    }
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode;
    else process.exitCode = reportError({ error, json: words.includes('--json') });
  }
  // The last lines may fail later than they are written: the code is set when all has been tried.
  process.once('beforeExit', () => {
    if (resultsLost() && !process.exitCode) process.exitCode = 1;
  });
}
