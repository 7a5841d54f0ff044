import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { entriesOf } from './check-imports.mjs';
import { runProgram } from './run-program.mjs';

/** The compiler that a user would have today, and the types of the oldest Node. */
export const compiler = { typescript: '5.9.3', '@types/node': '20' };

/** Lines that must compile besides the imports: what a bundler of declarations is likely to lose. */
const uses = {
  '@subtext/tensor': 'export const doubled: m0.tf.Tensor = m0.tf.tensor1d([1, 2]).reshape([2, 1]).mul(2);',
};

/** How each file is seen: its name, the module system, and how imports are resolved. */
const views = [
  { name: 'node16', file: 'use.mts', module: 'node16' },
  { name: 'bundler', file: 'use.mts', module: 'esnext' },
  { name: 'nodenext', file: 'use.cts', module: 'nodenext' },
];

/** Puts the compiler into the folder above those of the packages, once. */
export async function installCompiler({ folder }) {
  if (existsSync(join(folder, 'node_modules', 'typescript'))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: compiler }));
  await runProgram({ program: 'npm', args: ['install', '--ignore-scripts', '--no-audit', '--no-fund'], folder });
}

/** Runs the compiler that lies above a folder. */
export function compile({ folder, args }) {
  const program = join(folder, '..', 'node_modules', 'typescript', 'bin', 'tsc');
  return runProgram({ program: process.execPath, args: [program, ...args], folder, mayFail: true });
}

/** All declarations are checked, but for those that come with the compiler itself. */
const settings =
  '--noEmit --strict --skipLibCheck false --skipDefaultLibCheck true --target es2022 --lib es2023,dom,dom.iterable'.split(
    ' ',
  );

/** Compiles imports of every entry, strictly and with the declarations of all that it rests on. */
export async function checkTypes({ manifest, folder }) {
  const lines = entriesOf(manifest).map(
    (entry, index) =>
      `import * as m${index} from '${entry}';\nexport const k${index}: string[] = Object.keys(m${index});`,
  );
  const text = [...lines, uses[manifest.name] ?? '', ''].join('\n');
  for (const file of ['use.mts', 'use.cts']) writeFileSync(join(folder, file), text);
  const compiled = ({ name, file, module }) =>
    compile({ folder, args: [...settings, '--module', module, '--moduleResolution', name, file] });
  const faults = [];
  const passed = [];
  for (const view of views) {
    const { ok, output } = await compiled(view);
    if (ok) passed.push(view.name);
    else faults.push(`types, ${view.name}: ${output.trim().slice(0, 1500)}`);
  }
  return { passed, faults };
}

/** Node 16 could not require ES modules, and TypeScript says so (TS1479): compiling would be wrong. One package stands for all. */
export async function checkRefusal({ folder }) {
  const { ok, output } = await compile({
    folder,
    args: [...settings, '--module', 'node16', '--moduleResolution', 'node16', 'use.cts'],
  });
  return !ok && output.includes('TS1479') ? [] : [`types, node16 in CommonJS must refuse: ${output.slice(0, 500)}`];
}
