import { join } from 'node:path';

import { runProgram } from './run-program.mjs';

/** What a package is imported as: its name, and its name with each entry's path. */
export function entriesOf({ name, exports = {} }) {
  return Object.keys(exports)
    .filter((path) => path !== './package.json')
    .map((path) => name + path.slice(1));
}

const importing = (entries) => `for (const entry of ${JSON.stringify(entries)})
  if (Object.keys(await import(entry)).length === 0) throw new Error(entry + ' exports nothing');`;

/** Both ways give one copy: a class of one is that of the other. */
const requiring = (entries) => `(async () => { for (const entry of ${JSON.stringify(entries)}) {
  const required = require(entry);
  const imported = await import(entry);
  for (const name of Object.keys(imported))
    if (required[name] !== imported[name]) throw new Error(entry + ': ' + name + ' is there twice');
} })().catch((error) => { console.error(error); process.exit(1); });`;

/** Imports, requires and starts what is installed in a folder, on several versions of Node. */
export async function checkImports({ manifest, folder, nodes }) {
  const faults = [];
  const entries = entriesOf(manifest);
  const passed = { import: [], require: [], command: [] };
  for (const { program, version } of nodes) {
    const ways = {
      import: entries.length > 0 && ['--input-type=module', '-e', importing(entries)],
      require: entries.length > 0 && ['--input-type=commonjs', '-e', requiring(entries)],
      ...Object.fromEntries(
        Object.entries(manifest.bin ?? {}).map(([, path]) => [
          'command',
          [join(folder, 'node_modules', manifest.name, path), '--version'],
        ]),
      ),
    };
    for (const [way, args] of Object.entries(ways)) {
      if (!args) continue;
      const { ok, output } = await runProgram({ program, args, folder, mayFail: true });
      if (ok) passed[way].push(version);
      else faults.push(`${way} on Node ${version}: ${output.trim().slice(-1500)}`);
    }
  }
  return { passed, faults };
}
