import * as tensor from '@subtext/tensor';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import * as nn from './index';

it('the example in the README runs and prints what it says', async () => {
  const example = /```js\n([^]*?)```/.exec(readFileSync(new URL('../README.md', import.meta.url), 'utf8'))![1]!;
  const code = example.replace(/^import (\{[^}]*\}) from ('[^']*');/gm, 'const $1 = modules[$2];');
  const printed: unknown[] = [];
  const run = new Function('modules', 'console', `return (async () => {${code}})();`) as (
    modules: Record<string, unknown>,
    console: { log(value: unknown): void },
  ) => Promise<void>;
  await run({ '@subtext/nn': nn, '@subtext/tensor': tensor }, { log: (value) => printed.push(value) });
  const promised = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map((match) => match[1]);
  expect(promised).toHaveLength(2);
  expect(printed).toEqual(promised);
});
