import { commands } from '@subtext/eval-cli/program';
import { Command } from 'commander';

/** The commands of `subtext-eval`, for help texts; main.ts hands their command lines to that program. */
export async function evalCommand(): Promise<Command> {
  const command = new Command('eval');
  for (const { description, load } of Object.values(commands))
    command.addCommand((await load()).description(description));
  return command;
}
