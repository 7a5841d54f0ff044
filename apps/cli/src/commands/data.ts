import { findFormat, formatNames, generators, type DatasetGenerator, type GeneratorName } from '@subtext/data';
import { createOutput, includeOption } from '@subtext/terminal';
import { Command } from 'commander';

import { includeFiles } from '../include';
import { generateCommand } from './data-generate';
import { checkCommand } from './data-check';

function formatsCommand(): Command {
  return new Command('formats')
    .description('list supported formats and generators')
    .addOption(includeOption())
    .option('--json', 'print one JSON object', false)
    .action(async ({ include, json }: { include: string[]; json: boolean }) => {
      const output = createOutput({ json });
      await includeFiles(include);
      const formats = Object.fromEntries(formatNames().map((name) => [name, findFormat(name)]));
      const list = (entries: Record<string, { description: string }>) =>
        Object.entries(entries).map(([name, { description }]) => ({ name, description }));
      const width =
        Math.max(
          ...Object.keys(formats).map(({ length }) => length),
          ...Object.keys(generators).map(({ length }) => length),
        ) + 2;
      const lines = (entries: Record<string, { description: string }>) =>
        list(entries)
          .map(({ name, description }) => `  ${name.padEnd(width)}${description}`)
          .join('\n');
      output.event(
        { event: 'formats', formats: list(formats), generators: list(generators) },
        `Formats:\n${lines(formats)}\n\nGenerators (subtext data generate NAME FOLDER):\n${lines(generators)}`,
      );
    });
}

export function dataCommand(): Command {
  const generate = new Command('generate').description('generate a data set');
  for (const [name, generator] of Object.entries(generators) as [GeneratorName, DatasetGenerator][])
    generate.addCommand(generateCommand(name, generator));
  return new Command('data').addCommand(generate).addCommand(formatsCommand()).addCommand(checkCommand());
}
