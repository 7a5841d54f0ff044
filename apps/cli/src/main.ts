import { Command, CommanderError } from 'commander';

import { registerCommands } from './commands/registry';
import { reportError } from './terminal/report-error';
import { version } from './version';

const program = new Command('subtext')
  .description('Train models to think in hidden tokens, read their thoughts back, and measure both.')
  .version(version)
  .showHelpAfterError('(subtext --help lists the commands)')
  .exitOverride();

// A reader that has seen enough, such as head, is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await registerCommands({ program, words: process.argv.slice(2) });
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else process.exitCode = reportError({ error, json: process.argv.includes('--json') });
}
