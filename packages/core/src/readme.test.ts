import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import * as core from './index';
import * as node from './node';

it('the example in the README rewrites the file that it names', async () => {
  const text = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, example] = /```ts\n([^]*?)```/.exec(text)!;
  const body = example!.replace(/^import (\{[^}]*\}) from ('[^']*');/gm, 'const $1 = modules[$2];');
  const run = Object.getPrototypeOf(async () => {}).constructor('modules', body) as (
    modules: Record<string, unknown>,
  ) => Promise<void>;
  const folder = await mkdtemp(join(tmpdir(), 'subtext-core-readme-'));
  const before = process.cwd();
  process.chdir(folder);
  try {
    await writeFile('settings.json', '{ "a": 1 }\n');
    await run({ '@subtext/core': core, '@subtext/core/node': node });
    expect(await readFile('settings.json', 'utf8')).toBe('{"a":1}');
    expect(await readdir('.')).toEqual(['settings.json']);
  } finally {
    process.chdir(before);
    await rm(folder, { recursive: true });
  }
});
