/**
 * `npm start` and `npm test` on a fresh clone: installs with the pinned pnpm through npx, builds, runs.
 * Plain Node, no shell: the same on Linux, macOS and Windows.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [command, ...rest] = process.argv.slice(2);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 9)) {
  console.error(
    `Subtext needs Node 20.9 or newer; this is Node ${process.versions.node}. Install a newer one from nodejs.org and run this again.`,
  );
  process.exit(1);
}

/** Turbo looks for pnpm on the path; ours is installed in the workspace. */
const environment = {
  ...process.env,
  PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? process.env.Path ?? ''}`,
  TURBO_TELEMETRY_DISABLED: '1',
};

function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', env: environment, ...options });
  if (result.error) throw result.error;
  if (result.signal) process.exit(130);
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** npx is a script on Windows (npx.cmd), which needs a shell there; its arguments here hold no special characters. */
function npx(args) {
  const windows = process.platform === 'win32';
  run(windows ? 'npx.cmd' : 'npx', args, { shell: windows });
}

function installIfNeeded() {
  const lockfile = join(root, 'pnpm-lock.yaml');
  const digest = createHash('sha256').update(readFileSync(lockfile)).update(process.versions.modules).digest('hex');
  const stamp = join(root, 'node_modules', '.subtext-installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  console.log('Installing the packages (once; needs the npm registry) …');
  npx(['--yes', packageManager, 'install', '--frozen-lockfile']);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
}

function node(file, args) {
  run(process.execPath, [join(root, file), ...args]);
}

function build() {
  console.log('Building …');
  node('node_modules/turbo/bin/turbo', [
    'run',
    'build',
    '--output-logs=errors-only',
    '--no-update-notifier',
    '--ui=stream',
  ]);
}

installIfNeeded();
build();
node('packages/engine-native/scripts/compile.mjs', []);
if (command === 'start') node('apps/cli/bin/subtext.js', ['start', ...rest]);
else if (command === 'test') node('node_modules/vitest/vitest.mjs', ['run', ...rest]);
else if (command !== 'bootstrap') {
  console.error(`Unknown command "${command}": use start, test or bootstrap.`);
  process.exit(1);
}
