import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import * as evaluation from './index';

const readme = async () => await readFile(new URL('../README.md', import.meta.url), 'utf8');

it('the example in the README runs and prints what it says', async () => {
  const example = /```ts\n([^]*?)```/.exec(await readme())?.[1] as string;
  const code = example.replace(/import (\{[^}]*\}) from '@subtext\/eval';/, 'const $1 = evaluation;');
  const printed: unknown[] = [];
  const AsyncFunction = (async () => {}).constructor as new (
    ...parameters: string[]
  ) => (...values: unknown[]) => Promise<void>;
  await new AsyncFunction('evaluation', 'console', code)(evaluation, { log: (value: unknown) => printed.push(value) });
  const told = [...example.matchAll(/\); \/\/ (.*)$/gm)].map((match) => match[1] as string);
  expect(printed).toHaveLength(told.length);
  // Where the README ends a number with an ellipsis, the digits before it must be right.
  for (const [index, text] of told.entries()) {
    const value = printed[index];
    const parts = Array.isArray(value) ? value.map(String) : [String(value)];
    for (const [place, part] of text
      .replace(/^\[ | \]$/g, '')
      .split(', ')
      .entries()) {
      if (part.endsWith('…')) expect(parts[place]).toContain(part.slice(0, -1));
      else expect(parts[place]).toBe(part);
    }
  }
});

it('the README names every task and only functions that exist', async () => {
  const text = await readme();
  for (const { name } of evaluation.evaluationTasks) expect(text).toContain(`\`${name}\``);
  const table = text.slice(text.indexOf('## What is in it'), text.indexOf('## Held against'));
  for (const [, name] of table.matchAll(/`(\w+)`/g)) expect(Object.keys(evaluation)).toContain(name);
});
