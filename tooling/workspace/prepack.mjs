// `prepack` of every public package: a package that is packed has its JavaScript and its types, whatever was built before.
// Builds this package alone, and only where something is missing or older than its sources, so that a release, which has
// built everything, packs at once.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = process.cwd();
const { name, exports = {}, scripts = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** Every file that the package promises: what its exports name. */
function targets(value) {
  if (typeof value === 'string') return value.startsWith('./dist/') ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(targets) : [];
}

/** When the newest of the sources was changed, in milliseconds. */
function newest(path) {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(0, ...readdirSync(path).filter((entry) => !entry.endsWith('.test.ts')).map((entry) => newest(join(path, entry))));
}

const promised = [...new Set(targets(exports))].map((path) => join(folder, path));
// An app promises its command, which its bin file imports from dist.
if (promised.length === 0) promised.push(join(folder, 'dist', 'main.js'));
const sourcesChanged = Math.max(newest(join(folder, 'src')), newest(join(folder, 'package.json')));
if (promised.every((path) => existsSync(path) && statSync(path).mtimeMs >= sourcesChanged)) process.exit(0);

// npm prints what it packed as JSON on standard output: the builds' own words go to standard error.
const require = createRequire(import.meta.url);
const tsup = join(require.resolve('tsup/package.json'), '..', 'dist', 'cli-default.js');
for (const arguments_ of [[], ...(scripts['build:types'] ? [['--dts-only', '--no-clean']] : [])]) {
  const { status } = spawnSync(process.execPath, [tsup, ...arguments_], { cwd: folder, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    console.error(`${name}: the build before packing failed. Run \`npm run build\` in ${pathToFileURL(join(folder, '..', '..')).pathname} to see why.`);
    process.exit(status ?? 1);
  }
}
const missing = promised.filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.error(`${name}: the build made no ${missing.join(', ')}; package.json promises it.`);
  process.exit(1);
}
