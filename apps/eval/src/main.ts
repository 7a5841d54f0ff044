import { Command, CommanderError } from 'commander';
import { createRequire } from 'node:module';

import { auditCommand } from './commands/audit';
import { compareCommand } from './commands/compare';
import { listCommand } from './commands/list';
import { runCommand } from './commands/run';
import { reportError } from './terminal/report-error';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Every command. A new one is one file and one line here. */
const commands: readonly (() => Command)[] = [runCommand, listCommand, compareCommand, auditCommand];

const program = new Command('subtext-eval')
  .description('Measure models that reason: benchmarks, comparisons, and whether their thoughts are used and truly read.')
  .version(version)
  .showHelpAfterError('(subtext-eval --help lists the commands)')
  .exitOverride();
for (const command of commands) program.addCommand(command().copyInheritedSettings(program).exitOverride());

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else process.exitCode = reportError({ error, json: process.argv.includes('--json') });
}
