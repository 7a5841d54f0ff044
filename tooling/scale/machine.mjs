import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { madeWith } from '../results/made-with.mjs';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Open MPI's own names first: the plain ones may be of another MPI. */
function open(name) {
  const found = [`${name}.openmpi`, name].find((one) => {
    const { stdout = '', stderr = '' } = spawnSync(one, [name === 'mpicc' ? '--showme:version' : '--version'], {
      encoding: 'utf8',
    });
    return /open.?mpi/i.test(`${stdout}${stderr}`);
  });
  if (found === undefined) throw new Error(`This needs Open MPI's ${name} (Debian: openmpi-bin, libopenmpi-dev).`);
  return found;
}

/** What a result was made with; the load is that of the last minute before. */
export function recordOf() {
  const words = process.argv.slice(2);
  const output = words.indexOf('--output');
  if (output >= 0) words.splice(output, 2);
  return {
    command: ['node', relative(root, process.argv[1]), ...words].join(' '),
    ...madeWith(),
    load: Number(loadavg()[0].toFixed(1)),
  };
}

/** A C source as a shared library, compiled by MPI's compiler. */
export function compiled(source) {
  const folder = mkdtempSync(join(tmpdir(), 'subtext-scale-'));
  const path = join(folder, 'library.so');
  execFileSync(open('mpicc'), ['-O2', '-shared', '-fPIC', '-o', path, fileURLToPath(source)]);
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}

/** Starts a Node program as ranks; gives the last line that it printed, read as JSON. */
export function launch({ ranks, words, environment = {}, options = [] }) {
  const { stdout, stderr, status } = spawnSync(
    open('mpirun'),
    // Ranks that have a processor each do not give it up while they wait, as Open MPI has them do otherwise.
    [
      ...(ranks > availableParallelism() ? ['--oversubscribe'] : []),
      ...options,
      '-n',
      String(ranks),
      process.execPath,
      ...words,
    ],
    {
      encoding: 'utf8',
      env: { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1', ...environment },
      maxBuffer: 2 ** 26,
    },
  );
  if (status !== 0) throw new Error(`mpirun ended with ${status}:\n${stdout}${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

export function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value below which this share of values lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export function save({ path, result }) {
  if (path !== undefined) writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
}
