import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { compile } from './check-types.mjs';
import { runProgram } from './run-program.mjs';

/** Packages whose README begins with an example that needs no file, model or server: it is run as installed. */
const inNode = [
  'data',
  'decoder',
  'encoders',
  'engine-native',
  'engine-tensorflow',
  'engine-webgpu',
  'eval',
  'model',
  'nn',
  'reasoner',
  'safetensors',
  'tensor',
  'tokenizer',
];
/** Those of them that write no file: they are run in a browser too. */
const inBrowser = ['decoder', 'encoders', 'nn', 'reasoner', 'tensor'];

const short = (name) => name.replace('@subtext/', '');

/** Writes the example as `example.mjs`, and runs it. */
export async function checkExample({ name, folder }) {
  if (!inNode.includes(short(name))) return { ran: false, faults: [] };
  const readme = readFileSync(join(folder, 'node_modules', name, 'README.md'), 'utf8');
  const [, example] = /^```(?:ts|js)\n([^]*?)^```/m.exec(readme);
  writeFileSync(join(folder, 'example.mts'), example);
  const settings = '--target es2022 --module nodenext --moduleResolution nodenext --skipLibCheck'.split(' ');
  const transpiled = await compile({ folder, args: [...settings, 'example.mts'] });
  const { ok, output } = transpiled.ok
    ? await runProgram({ program: process.execPath, args: ['example.mjs'], folder, mayFail: true })
    : transpiled;
  return { ran: ok, faults: ok ? [] : [`the README's example: ${output.trim().slice(-1500)}`] };
}

/** The example to be run in a page, relative to its folder; undefined where there is none. */
export function exampleForBrowser({ name, folder }) {
  const there = inBrowser.includes(short(name)) && existsSync(join(folder, 'example.mjs'));
  return there ? 'example.mjs' : undefined;
}
