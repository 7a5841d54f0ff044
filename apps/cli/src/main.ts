import { Command, CommanderError } from 'commander';
import { createRequire } from 'node:module';

import { registerCommands } from './commands/registry';
import { reportError } from './terminal/report-error';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const program = new Command('subtext')
  .description('Train models to think in hidden tokens, read their thoughts back, and measure both.')
  .version(version)
  .showHelpAfterError('(subtext --help lists the commands)')
  .exitOverride();
registerCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else process.exitCode = reportError({ error, json: process.argv.includes('--json') });
}
