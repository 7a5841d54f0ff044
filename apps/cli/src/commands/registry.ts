import type { Command } from 'commander';

import { benchCommand } from './bench';
import { dataCommand } from './data';
import { doctorCommand } from './doctor';
import { engineCommand } from './engine';
import { forwardCommand } from './forward';
import { generateCommand } from './generate';
import { startCommand } from './start';
import { thinkCommand } from './think';
import { trainCommand } from './train';

/** Every command. A new one is one file and one line here. */
const commands: readonly (() => Command)[] = [startCommand, thinkCommand, trainCommand, forwardCommand, generateCommand, dataCommand, benchCommand, doctorCommand, engineCommand];

export function registerCommands(program: Command): void {
  for (const command of commands) program.addCommand(command().copyInheritedSettings(program).exitOverride());
}
