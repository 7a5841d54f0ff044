import * as tokenizer from '@subtext/tokenizer';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import * as decoder from './index';

const examples = [
  ...readFileSync(new URL('../README.md', import.meta.url), 'utf8').matchAll(/```ts\n(import [^]*?)```/g),
].map((match) => match[1]!);

it.each([
  ['explanations', 2, examples[0]!],
  ['drawings', 1, examples[1]!],
])('the example of %s in the README runs and prints what it says', async (_name, count, example) => {
  const code = example
    .replace(/^import (\{[^}]*\}) from ('[^']*');/gm, 'const $1 = modules[$2];')
    .replace('endId!', 'endId');
  const folder = await mkdtemp(join(tmpdir(), 'subtext-readme-'));
  const printed: unknown[] = [];
  try {
    await (
      new Function('modules', 'console', 'folder', `return (async () => {${code}})()`) as (
        ...given: unknown[]
      ) => Promise<void>
    )(
      { '@subtext/decoder': decoder, '@subtext/tokenizer': tokenizer },
      { log: (value: unknown) => printed.push(String(value)) },
      folder,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
  const promised = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map((match) => match[1]);
  expect(promised).toHaveLength(count);
  expect(printed).toEqual(promised);
});
