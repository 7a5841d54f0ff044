// The programs in the documentation, type-checked against the packages' sources: `npm run check:blocks`. Blocks marked `ts`
// or `js` in the pages under docs/, the READMEs and CONTRIBUTING.md; a fault is told by page and line. Not looked at: names that
// the text around a fragment introduces, and parameters without a type, which JavaScript has no place for.
//   node tooling/workspace/check-blocks.mjs [--compiler FILE]
// `--compiler`: another program than the workspace's `tsc` that takes its options.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { values } = parseArgs({ options: { compiler: { type: 'string' } } });
const pagesIn = (path) =>
  readdirSync(join(root, path), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => `${path}/${entry.name}`);
const readmes = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => `${group}/${name}/README.md`),
);
const pages = ['README.md', 'CONTRIBUTING.md', ...pagesIn('docs'), ...pagesIn('docs/guide'), ...readmes];

/** Cannot find name; no value exists in scope for the shorthand property; a parameter, a binding element has implicitly any type. */
const passed = new Set(['TS2304', 'TS18004', 'TS7006', 'TS7031']);

// Within the workspace, so that packages are found from there as from a file of it.
const folder = join(root, 'apps', 'cli', 'node_modules', '.cache', 'blocks');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const places = [];
for (const page of pages)
  for (const match of readFileSync(join(root, page), 'utf8').matchAll(/^```(?:ts|js)\b[^\n]*\n([^]*?)^```/gm)) {
    const before = match.input.slice(0, match.index).split('\n').length;
    const name = `block-${places.length}.ts`;
    // On the lines that it has in the page, after which an empty export makes it a module of its own.
    writeFileSync(join(folder, name), `${'\n'.repeat(before)}${match[1]}\nexport {};\n`);
    places.push(page);
  }
const base = JSON.parse(readFileSync(join(root, 'tsconfig.base.json'), 'utf8'));
const options = {
  ...base.compilerOptions,
  lib: ['ES2023', 'DOM', 'DOM.Iterable'],
  // What a reader would write around an example, it leaves out: looking whether there is a first element.
  noUncheckedIndexedAccess: false,
  declaration: false,
  paths: Object.fromEntries(
    Object.entries(base.compilerOptions.paths).map(([name, [path]]) => [name, [join(root, path)]]),
  ),
};
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['*.ts'] }));
const words = ['--noEmit', '--pretty', 'false', '-p', join(folder, 'tsconfig.json')];
const compiler = values.compiler
  ? [values.compiler, words]
  : [process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), ...words]];
const { status, stdout, stderr, error } = spawnSync(...compiler, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 });
if (error) throw error;
rmSync(folder, { recursive: true, force: true });
const output = `${stdout}${stderr}`.replaceAll(
  /block-(\d+)\.ts\((\d+),/g,
  (_all, index, line) => `${places[index]}(${line},`,
);
// A fault's further lines are indented.
const faults = output.split(/\n(?=\S)/).filter((fault) => !passed.has(/error (TS\d+):/.exec(fault)?.[1]));
if (status === 0 || faults.every((fault) => fault.trim() === ''))
  console.log(`${places.length} blocks of code are of the types that the packages have.`);
else {
  console.error(faults.join('\n'));
  process.exitCode = 1;
}
