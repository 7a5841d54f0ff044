import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import * as nn from '@subtext/nn';
import * as tensor from '@subtext/tensor';
import { transform } from 'esbuild';
import { expect, it } from 'vitest';
import * as model from './index';

it('the example in the README runs and prints what it says', async () => {
  const example = /```ts\n([^]*?)```/.exec(
    readFileSync(new URL('../README.md', import.meta.url), 'utf8'),
  )?.[1] as string;
  const body = example.replace(/^import (\{[^}]*\}) from ('[^']*');/gm, 'const $1 = modules[$2];');
  const { code } = await transform(body, { loader: 'ts', format: 'esm', target: 'es2022' });
  const run = Object.getPrototypeOf(async () => {}).constructor('modules', 'console', code);
  const printed: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'subtext-readme-'));
  const before = process.cwd();
  process.chdir(folder);
  try {
    await run(
      { '@subtext/model': model, '@subtext/nn': nn, '@subtext/tensor': tensor },
      { log: (value: unknown) => printed.push(inspect(value)) },
    );
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
  const promised = [...example.matchAll(/console\.log\(.*\); *\/\/ (.*)/g)].map((match) => match[1]);
  expect(promised.length).toBe(3);
  expect(printed.map((text) => text.replace(/\s+/g, ' '))).toEqual(promised);
});
