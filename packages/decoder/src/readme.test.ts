import * as tokenizer from '@subtext/tokenizer';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import * as decoder from './index';

it('the example in the README runs and prints what it says', () => {
  const example = /```ts\n([^]*?)```/.exec(readFileSync(new URL('../README.md', import.meta.url), 'utf8'))![1]!;
  const code = example
    .replace(/^import (\{[^}]*\}) from ('[^']*');/gm, 'const $1 = modules[$2];')
    .replace('endId!', 'endId');
  const printed: unknown[] = [];
  new Function('modules', 'console', code)(
    { '@subtext/decoder': decoder, '@subtext/tokenizer': tokenizer },
    { log: (value: unknown) => printed.push(value) },
  );
  const promised = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map((match) => match[1]);
  expect(promised).toHaveLength(2);
  expect(printed).toEqual(promised);
});
