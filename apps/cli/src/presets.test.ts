import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { loadConfiguration } from './configuration/load-configuration';
import { trainConfiguration } from './configuration/schema';
import { listPresets, presetText } from './presets';

describe('the presets', () => {
  it('are what can be trained, each with what it does', async () => {
    const presets = await listPresets();
    expect(presets.map(({ name }) => name)).toEqual(
      ['full', 'small'].flatMap((group) =>
        ['base', 'cot', 'heima-published', 'heima', 'no-cot', 'sums', 'text-only'].map((name) => `${group}/${name}`),
      ),
    );
    for (const { description } of presets) expect(description).toMatch(/^[A-Z].*\.$/);
  });

  it('are copied whole: the copy stands alone and says the same', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'subtext-presets-'));
    try {
      for (const { name, path } of await listPresets()) {
        const text = await presetText(name);
        expect(text).toMatch(/^# /);
        expect(text).not.toMatch(/^defaults:/m);
        const copy = join(folder, 'copy.yaml');
        await writeFile(copy, text);
        expect(await loadConfiguration({ path: copy, schema: trainConfiguration })).toEqual(
          await loadConfiguration({ path, schema: trainConfiguration }),
        );
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are named where another is asked for', async () => {
    await expect(presetText('small/heimaa')).rejects.toThrow(/no preset "small\/heimaa"\. There are: full\/base, /);
    await expect(presetText('scenes/small')).rejects.toThrow(/no preset/);
  });
});
