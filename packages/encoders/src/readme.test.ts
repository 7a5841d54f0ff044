import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import * as tensor from '@subtext/tensor';
import { expect, it } from 'vitest';
import * as encoders from './index';

it('the example in the README runs and prints what it says', async () => {
  const example = /```js\n([^]*?)```/.exec(
    readFileSync(new URL('../README.md', import.meta.url), 'utf8'),
  )?.[1] as string;
  const body = example.replace(/^import (\{[^}]*\}) from ('[^']*');/gm, 'const $1 = modules[$2];');
  const run = Object.getPrototypeOf(async () => {}).constructor('modules', 'console', body);
  const printed: string[] = [];
  await run(
    { '@subtext/encoders': encoders, '@subtext/tensor': tensor },
    { log: (...values: unknown[]) => printed.push(values.map((value) => inspect(value)).join(' ')) },
  );
  const promised = [...example.matchAll(/console\.log\(.*\); *\/\/ (.*)/g)].map((match) => match[1]);
  expect(promised.length).toBe(3);
  expect(printed).toEqual(promised);
});
