import { writeFileAtomically } from '@subtext/core/node';
import { createOutput, textTable, UsageError } from '@subtext/terminal';
import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

import { listPresets, presetText } from '../presets';

function lsCommand(): Command {
  return new Command('ls')
    .description('list the presets')
    .option('--json', 'print one JSON object per preset', false)
    .action(async ({ json }: { json: boolean }) => {
      const output = createOutput({ json });
      const presets = await listPresets();
      for (const { name, path, description } of presets) output.event({ event: 'preset', name, path, description });
      if (json) return;
      const rows = presets.map(({ name, description }) => [name, /^.*?[.:](?= |$)/.exec(description)?.[0] ?? '']);
      output.notice(textTable({ header: ['preset', 'what'], rows }));
    });
}

function copyCommand(): Command {
  return new Command('copy')
    .description('copy a preset to a standalone file, to be edited')
    .argument('<name>', 'such as small/heima; "presets ls" lists them')
    .argument('[to]', 'output file (default: the name of the preset, in the current folder)')
    .option('--overwrite', 'overwrite an existing file', false)
    .option('--json', 'print one JSON object', false)
    .action(
      async (name: string, to: string | undefined, { overwrite, json }: { overwrite: boolean; json: boolean }) => {
        const text = await presetText(name);
        const path = to ?? `${basename(name, '.yaml')}.yaml`;
        if (existsSync(path) && !overwrite)
          throw new UsageError(`${path} already exists: give another file, or add --overwrite.`);
        await mkdir(dirname(path), { recursive: true });
        await writeFileAtomically({ path, data: text });
        createOutput({ json }).event({ event: 'written', preset: name, path }, `Wrote ${path}`);
      },
    );
}

export function presetsCommand(): Command {
  return new Command('presets').addCommand(lsCommand(), { isDefault: true }).addCommand(copyCommand());
}
