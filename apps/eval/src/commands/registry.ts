import { Command } from 'commander';

interface CommandEntry {
  /** One line in the list of commands and at the head of the command's own help. */
  description: string;
  /** Brings the command's module: only for the command that is asked for, since what they compute with takes seconds to load. */
  load: () => Promise<Command>;
}

/** Every command. A new one is one file and one line here. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  run: { description: 'ask a model the questions of one or more tasks and score its answers', load: async () => (await import('./run')).runCommand() },
  list: { description: 'list the tasks and the data that each expects', load: async () => (await import('./list')).listCommand() },
  compare: { description: 'compare runs on the same samples: intervals, McNemar, bootstrap; names what is not significant', load: async () => (await import('./compare')).compareCommand() },
  audit: { description: "measure whether a model's thoughts are used, whether its interpreters read them, and what they hold", load: async () => (await import('./audit')).auditCommand() },
};

/** The command that a command line asks for, or asks the help of; undefined where it names none that there is. */
export function commandAskedFor(words: readonly string[]): string | undefined {
  const [first, second] = words.filter((word) => !word.startsWith('-'));
  const name = first === 'help' ? second : first;
  return name !== undefined && Object.hasOwn(commands, name) ? name : undefined;
}

/** Adds every command to the program: the one that is asked for as it is, the others by name and description only. */
export async function registerCommands({ program, words }: { program: Command; /** The command line after the program's name. */ words: readonly string[] }): Promise<void> {
  const asked = commandAskedFor(words);
  for (const [name, { description, load }] of Object.entries(commands)) {
    const command = name === asked ? await load() : new Command(name);
    program.addCommand(command.description(description).copyInheritedSettings(program).exitOverride());
  }
}
