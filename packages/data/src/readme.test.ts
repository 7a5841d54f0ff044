import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as data from './index';

test('the example in the README runs and prints what it says', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([^]*?)```/.exec(readme)![1]!;
  const folder = await mkdtemp(join(tmpdir(), 'subtext-readme-'));
  const code = example
    .replace(/import (\{[^}]*\}) from '@subtext\/data';/, 'const $1 = data;')
    .replaceAll("folder: 'scenes'", `folder: ${JSON.stringify(join(folder, 'scenes'))}`);
  const printed: unknown[] = [];
  const AsyncFunction = (async () => {}).constructor as new (
    ...parameters: string[]
  ) => (...values: unknown[]) => Promise<void>;
  await new AsyncFunction('data', 'console', code)(data, { log: (value: unknown) => printed.push(value) });

  expect(printed).toHaveLength(6);
  expect(printed[0]).toMatch(/^start at the [\w-]+ , go \w+ , then .* \?$/);
  expect(printed[1]).toEqual(['summary', 'caption', 'reasoning']);
  expect(printed[2]).toMatchObject({ width: 32, height: 32 });
  expect((printed[2] as data.DecodedImage).data).toHaveLength(3072);
  expect(printed[3]).toBe(1);
  expect(Object.keys(printed[4] as object).sort()).toEqual(['walk-colour', 'walk-shape']);
  expect(printed[5]).toBe(0);
});

test('the README names every format and generator', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  for (const name of Object.keys(data.generators)) expect(readme).toContain(`| \`${name}\` |`);
  for (const format of Object.values(data.formats)) expect(format.description.length).toBeGreaterThan(10);
  for (const name of Object.keys(data).filter((key) => key.startsWith('read') || key.startsWith('generate')))
    if (name !== 'generators') expect(readme).toContain(name);
});
