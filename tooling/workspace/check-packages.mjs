// Checks every public package as npm would publish it: publint (files, exports, fields) and attw (types as each module
// resolution sees them). Needs `npm run build`; `npm run bootstrap` builds no types.
//
// All packages are ES modules: Node requires them since 20.19 and 22.12, so that `require` and `import` share one copy and
// its state. What attw says of that (a CommonJS file that TypeScript compiles for Node 16 has to use `import()`) is meant so.
//   node tooling/workspace/check-packages.mjs [NAME…]
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const attw = join(root, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
const wanted = process.argv.slice(2);

const folders = ['packages', 'apps']
  .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name)))
  .filter((folder) => existsSync(join(folder, 'package.json')));
let faults = 0;

/** The files that a package's exports name. */
function targets(value) {
  if (typeof value === 'string') return value.startsWith('./dist/') ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(targets) : [];
}

/** Whether there is anything with types to import: a command alone has none. */
function hasTypes(exports) {
  if (typeof exports !== 'object' || exports === null) return false;
  return Object.entries(exports).some(([condition, target]) => condition === 'types' || hasTypes(target));
}

for (const folder of folders) {
  const description = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const { name, private: hidden, exports } = description;
  if (hidden || (wanted.length > 0 && !wanted.some((part) => name === part || name.endsWith(`/${part}`)))) continue;
  const unbuilt = targets(exports).filter((path) => !existsSync(join(folder, path)));
  if (unbuilt.length > 0) {
    console.error(
      `${name}: ${unbuilt[0]} is not built. Run \`npm run build\` first: it builds JavaScript and types, \`npm run bootstrap\` only JavaScript.`,
    );
    process.exit(1);
  }
  const problems = [];
  const { messages } = await publint({ pkgDir: folder, strict: true, pack: 'npm' });
  problems.push(
    ...messages
      .filter(({ type }) => type !== 'suggestion')
      .map((message) => `publint ${message.type}: ${formatMessage(message, description)}`),
  );
  for (const file of ['README.md', 'LICENSE']) if (!existsSync(join(folder, file))) problems.push(`${file} is missing`);
  if (hasTypes(exports)) {
    // Every Node that we support reads `exports`; the resolution of Node 10, which does not, is left out.
    const profile = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm'];
    const result = spawnSync(
      process.execPath,
      [attw, '--pack', folder, '--no-emoji', '--no-color', '--exclude-entrypoints', './package.json', ...profile],
      { cwd: folder, encoding: 'utf8' },
    );
    if (result.status !== 0) problems.push(`attw:\n${`${result.stdout}${result.stderr}`.trim()}`);
  }
  faults += problems.length;
  console.log(
    problems.length === 0
      ? `${name}: publishable`
      : `${name}:\n${problems.map((problem) => `  ${problem.replaceAll('\n', '\n  ')}`).join('\n')}`,
  );
}
if (faults > 0) {
  console.error(`${faults} ${faults === 1 ? 'problem' : 'problems'} in packages.`);
  process.exitCode = 1;
}
