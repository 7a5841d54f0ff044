import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { removeMade } from '../checkpoint/made-files';
import { writeModelCard } from './model-card';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-model-card-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));
const card = async () => readFile(join(folder, 'README.md'), 'utf8');
const written = { frontMatter: 'library_name: transformers', text: '# One' };

it('is written, and written again with its model', async () => {
  expect(await writeModelCard({ folder, ...written })).toBe(true);
  expect(await card()).toMatch(/^---\nlibrary_name: transformers\n---\n\n<!-- Written by Subtext .* -->\n\n# One\n$/);
  expect(await writeModelCard({ folder, ...written, text: '# Two' })).toBe(true);
  expect(await card()).toContain('# Two');
});

it("leaves a card of the user's own alone, one that was taken over too, and what is no file", async () => {
  await writeFile(join(folder, 'README.md'), 'mine');
  expect(await writeModelCard({ folder, ...written })).toBe(false);
  expect(await card()).toBe('mine');
  await rm(join(folder, 'README.md'));
  await writeModelCard({ folder, ...written });
  const kept = (await card()).replace(/<!-- .* -->/, 'And more.');
  await writeFile(join(folder, 'README.md'), kept);
  expect(await writeModelCard({ folder, ...written, text: '# Two' })).toBe(false);
  expect(await card()).toBe(kept);
  await rm(join(folder, 'README.md'));
  await symlink(join(folder, 'elsewhere'), join(folder, 'README.md'));
  expect(await writeModelCard({ folder, ...written })).toBe(false);
  expect(await readdir(folder)).toEqual(['README.md']);
});

it('goes with its model when a run is deleted; a card of the user’s own stays', async () => {
  for (const name of ['a', 'b']) await mkdir(join(folder, name));
  await writeModelCard({ folder: join(folder, 'a'), ...written });
  await writeFile(join(folder, 'b', 'README.md'), 'mine');
  await removeMade({ folder, file: /^config\.json$/, below: /./ });
  expect(await readdir(folder)).toEqual(['b']);
});
