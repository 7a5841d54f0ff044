// `prepack` of every public package: a package that is packed has its JavaScript and its types, whatever was built before.
// Builds it, and what it rests on, only where something is missing or older than its sources, so that a release, which has
// built everything, packs at once.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = process.cwd();
const { name, exports = {}, bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** Every file that the package promises: what its exports name. */
function targets(value) {
  if (typeof value === 'string') return value.startsWith('./dist/') ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(targets) : [];
}

/** When the newest of the sources was changed, in milliseconds. */
function newest(path) {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(
    0,
    ...readdirSync(path)
      .filter((entry) => !entry.endsWith('.test.ts'))
      .map((entry) => newest(join(path, entry))),
  );
}

const promised = [...new Set(targets(exports))].map((path) => join(folder, path));
// An app promises its command, which its bin file imports from dist, or its page.
if (promised.length === 0) promised.push(join(folder, 'dist', bin === undefined ? 'index.html' : 'main.js'));
const sourcesChanged = Math.max(newest(join(folder, 'src')), newest(join(folder, 'package.json')));
if (promised.every((path) => existsSync(path) && statSync(path).mtimeMs >= sourcesChanged)) process.exit(0);

// Types of a package need those of the packages below it: turbo builds them in their order, one prepack at a time.
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const lock = join(root, 'node_modules', '.subtext-prepack');
for (;;) {
  try {
    mkdirSync(lock);
    break;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    // One that was killed leaves its folder behind.
    if (Date.now() - statSync(lock).mtimeMs > 30 * 60_000) rmdirSync(lock);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  }
}
try {
  // npm prints what it packed as JSON on standard output: the build's own words go to standard error.
  const environment = {
    ...process.env,
    PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`,
    TURBO_TELEMETRY_DISABLED: '1',
  };
  const turbo = [
    join(root, 'node_modules', 'turbo', 'bin', 'turbo'),
    'run',
    'build',
    'build:types',
    `--filter=${name}`,
    '--output-logs=errors-only',
    '--no-update-notifier',
    '--ui=stream',
  ];
  const { status } = spawnSync(process.execPath, turbo, { cwd: root, stdio: ['ignore', 2, 2], env: environment });
  if (status !== 0) {
    console.error(`${name}: the build before packing failed. Run \`npm run build\` in ${root} to see why.`);
    process.exitCode = status ?? 1;
  }
} finally {
  rmdirSync(lock);
}
if (process.exitCode) process.exit();
const missing = promised.filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.error(`${name}: the build made no ${missing.join(', ')}; package.json promises it.`);
  process.exit(1);
}
