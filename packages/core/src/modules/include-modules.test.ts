import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { IncludeError, includeModules } from './include-modules';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-include-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

async function written(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

it('gives each module the registries, once, and waits for it', async () => {
  const told: string[] = [];
  const registries = { tell: (word: string) => told.push(word) };
  const first = await written('first.mjs', "export default async ({ tell }) => { await 0; tell('first'); };");
  const second = await written('second.mjs', "export default ({ tell }) => tell('second');");
  await includeModules({ paths: [first, second, first], registries });
  await includeModules({ paths: [second], registries });
  expect(told).toEqual(['first', 'second']);
});

it.each([
  ['export const nothing = 1;', /no default export that is a function.*receives tell/],
  ['export default () => { throw new Error("taken already"); };', /taken already/],
  ['export default (', /cannot be included/],
])('refuses a module that cannot add to anything: %s', async (text, message) => {
  const path = await written(`wrong-${text.length}.mjs`, text);
  // Also a second time: what failed was not included.
  for (let time = 0; time < 2; time++) {
    const error: unknown = await includeModules({ paths: [path], registries: { tell() {} } }).catch(
      (one: unknown) => one,
    );
    expect(IncludeError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ code: 'invalid-module', message: expect.stringMatching(message) });
  }
});

it('says which file is not there', async () => {
  await expect(includeModules({ paths: [join(folder, 'nowhere.mjs')], registries: {} })).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('nowhere.mjs'),
  });
});
