import { UsageError } from '@subtext/terminal';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

import { readLayers } from './configuration/read-layers';
import { packageFolder } from './package-folder';

/** A configuration that comes with the command. */
export interface Preset {
  /** `small/heima`. */
  name: string;
  path: string;
  /** Its first lines: what it does. */
  description: string;
  /** Everything, with what its file builds on. */
  value: Record<string, unknown>;
}

/** The lines at the head of a YAML file that are comments. */
const headOf = (text: string): string[] => /^(?:#.*\n)*/.exec(text)![0].split('\n').filter(Boolean);

/** Every configuration in `presets/` that says what is trained; what others build on alone is left out. */
export async function listPresets({ folder = join(packageFolder(), 'presets') }: { folder?: string } = {}): Promise<
  Preset[]
> {
  const presets: Preset[] = [];
  for (const group of (await readdir(folder)).sort()) {
    for (const file of (await readdir(join(folder, group))).sort()) {
      const path = join(folder, group, file);
      const { value } = await readLayers(path);
      if (value.method === undefined || value.output === undefined) continue;
      const head = headOf(await readFile(path, 'utf8')).map((line) => line.replace(/^# ?/, ''));
      presets.push({ name: `${group}/${file.replace(/\.yaml$/, '')}`, path, description: head.join(' '), value });
    }
  }
  return presets;
}

/** A preset as one file that builds on no other, its first comment kept. */
export async function presetText(name: string): Promise<string> {
  const presets = await listPresets();
  const preset = presets.find((one) => one.name === name.replace(/\.yaml$/, ''));
  if (preset === undefined)
    throw new UsageError(`There is no preset "${name}". There are: ${presets.map((one) => one.name).join(', ')}.`);
  return [...headOf(await readFile(preset.path, 'utf8')), stringify(preset.value, { lineWidth: 120 })].join('\n');
}
