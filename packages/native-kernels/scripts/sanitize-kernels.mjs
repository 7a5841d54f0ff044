/**
 * Compiles the C++ kernels with `native/test/sanitize.cc` and runs them under AddressSanitizer and
 * UndefinedBehaviorSanitizer, and with `--threads` under ThreadSanitizer. Where there is no C++ compiler, or it has no
 * sanitizers, it says so in one line and ends with 0.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const native = join(dirname(dirname(fileURLToPath(import.meta.url))), 'native');
const folder = mkdtempSync(join(tmpdir(), 'subtext-sanitize-'));
const [compiler, ...always] = (process.env.CXX?.trim() || 'c++').split(/\s+/);
const threads = process.argv.includes('--threads');
const sanitizers = threads ? ['-fsanitize=thread'] : ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
// As they are compiled for use, but for the level of optimisation: a sanitizer sees more where less has been rewritten.
const flags = [
  ...always,
  '-O1',
  '-g1',
  '-std=c++17',
  '-fno-math-errno',
  '-fno-trapping-math',
  '-fno-omit-frame-pointer',
  '-Wno-psabi',
  ...sanitizers,
];
const levels =
  process.arch === 'x64'
    ? [
        ['baseline', []],
        ['avx2', ['-mavx2', '-mfma']],
        ['avx512', ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma', '-mprefer-vector-width=512']],
      ]
    : [['baseline', []]];

function skip(reason) {
  console.log(`kernels under sanitizers: skipped (${reason})`);
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}

const compile = (args) =>
  new Promise((resolve, reject) => {
    const child = spawn(compiler, [...flags, ...args], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${compiler} ended with ${code}`))));
  });

const began = performance.now();
if (process.platform === 'win32') skip('the kernels are not made for Windows');
writeFileSync(join(folder, 'probe.cc'), 'int main() { return 0; }\n');
const probe = spawnSync(compiler, [...flags, 'probe.cc', '-o', 'probe'], { cwd: folder, encoding: 'utf8' });
if (probe.error) skip(`no C++ compiler: ${probe.error.message}`);
if (probe.status !== 0 || spawnSync(join(folder, 'probe')).status !== 0) skip(`${compiler} has no ${sanitizers[0]}`);

try {
  const rest = [
    'threads',
    'linear-layer',
    'decoder-block',
    'continued-block',
    'transformer-block',
    'read-weights',
    'memory',
    'weight-store',
    'test/sanitize',
  ];
  const objects = [];
  const jobs = [
    ...levels.map(([name, more]) => ['kernels', name, [`-DSUBTEXT_LEVEL=${name}`, ...more]]),
    ...rest.map((source) => [source, source.replace('/', '-'), levels.length > 1 ? ['-DSUBTEXT_HAS_LEVELS'] : []]),
  ];
  // Two at a time: each takes several hundred megabytes.
  const next = jobs.values();
  await Promise.all(
    [0, 1].map(async () => {
      for (const [source, object, more] of next) {
        await compile(['-c', join(native, `${source}.cc`), '-o', `${object}.o`, ...more]);
        objects.push(`${object}.o`);
      }
    }),
  );
  await compile([...objects, '-pthread', '-o', 'sanitize']);
  // Several threads even where there is one processor: the pool is part of what is tested.
  const run = spawnSync(join(folder, 'sanitize'), {
    stdio: 'inherit',
    timeout: 600_000,
    env: { ...process.env, TF_NUM_INTRAOP_THREADS: '4', UBSAN_OPTIONS: 'print_stacktrace=1' },
  });
  if (run.status !== 0) throw new Error(`the kernels failed under ${sanitizers[0]} (${run.signal ?? run.status})`);
  console.log(`kernels under ${sanitizers[0].slice(11)}: clean, ${((performance.now() - began) / 1000).toFixed(0)} s`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
