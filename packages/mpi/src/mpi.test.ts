import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findLaunch } from './launcher';
import { loadMpi } from './library';

const program = (name: string) => fileURLToPath(new URL(`../test/${name}`, import.meta.url));

/** The launchers that this machine has. */
const launchers = (
  [
    {
      kind: 'openmpi',
      commands: ['mpirun.openmpi', 'mpirun'],
      says: /open.?mpi|open-mpi/i,
      options: ['--oversubscribe'],
    },
    { kind: 'mpich', commands: ['mpirun.mpich', 'mpiexec.hydra', 'mpirun'], says: /hydra/i, options: [] },
  ] as const
).map(({ commands, says, ...rest }) => ({
  ...rest,
  command: commands.find((command) => says.test(spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout ?? '')),
}));

function run({
  command,
  options,
  size,
  file,
  parameters = [],
  environment = {},
}: {
  command: string;
  options: readonly string[];
  size: number;
  file: string;
  parameters?: string[];
  environment?: NodeJS.ProcessEnv;
}): { output: string; status: number | null } {
  const { stdout, stderr, status } = spawnSync(
    command,
    [...options, '-n', String(size), process.execPath, program(file), ...parameters],
    {
      encoding: 'utf8',
      timeout: 110_000,
      env: { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1', ...environment },
    },
  );
  return { output: `${stdout}${stderr}`, status };
}

for (const { kind, command, options } of launchers)
  describe.skipIf(!command)(`${kind}${command ? '' : ': no mpirun of it on this machine'}`, () => {
    it.each([1, 2, 3, 4])('every call, on arrays of every kind of memory, with %i processes', (size) => {
      const { output, status } = run({ command: command!, options, size, file: 'every-call.mjs' });
      expect(status, output).toBe(0);
      expect(JSON.parse(output.split('\n').find((line) => line.startsWith('{'))!)).toMatchObject({ size, kind });
    });

    it('the same in pieces, with a deadline', () => {
      const parameters = [JSON.stringify({ pieceBytes: 512, deadlineSeconds: 60 })];
      const { output, status } = run({ command: command!, options, size: 3, file: 'every-call.mjs', parameters });
      expect(status, output).toBe(0);
    });

    it.each(['late', 'stopped'])('a rank that is %s is named when the deadline is over', (fault) => {
      const { output, status } = run({
        command: command!,
        options,
        size: 3,
        file: 'fault.mjs',
        parameters: [fault, '1'],
      });
      expect(output).toMatch(/timed-out: Rank [02] has waited 1 s for the others\. Rank 1 did not answer/);
      expect(status).not.toBe(0);
    });

    it('a rank that is killed ends the job', () => {
      const { output, status } = run({
        command: command!,
        options,
        size: 3,
        file: 'fault.mjs',
        parameters: ['killed', '2'],
      });
      expect(status).not.toBe(0);
      expect(output).toMatch(/[Kk]illed|KILLED|EXIT CODE: 9/);
    });

    it.skipIf(process.platform !== 'linux')(
      'takes no memory from a heap that cannot grow, and leaves faults of WebAssembly to V8',
      () => {
        const { output, status } = run({ command: command!, options, size: 2, file: 'crowded.mjs' });
        expect(status, output).toBe(0);
      },
    );

    it("MPI's errors are typed, with its words and the rank", () => {
      const { output } = run({
        command: command!,
        options,
        size: 2,
        file: 'fault.mjs',
        parameters: ['truncated', '1'],
      });
      expect(output).toMatch(/mpi-failed: MPI reports on rank 1: .*trunc/i);
    });

    const other = launchers.find((one) => one.kind !== kind)!;
    it.skipIf(!other.command)('the library of another MPI than the launcher is told, not run alone', () => {
      const { output, status } = run({
        command: command!,
        options,
        size: 2,
        file: 'fault.mjs',
        parameters: ['none', '0'],
        environment: { SUBTEXT_MPI: other.kind },
      });
      expect(output).toMatch(/other-launcher: .* started 2 processes .* launcher and library belong to two MPIs/);
      expect(output).toContain(`SUBTEXT_MPI=${kind}`);
      expect(status).not.toBe(0);
    });
  });

const [{ command: openmpi, options }] = launchers as unknown as [{ command?: string; options: readonly string[] }];
const compiles = spawnSync('mpicc.openmpi', ['--version']).status === 0;

describe.skipIf(!openmpi || !compiles)(
  `the standard ABI${openmpi && compiles ? '' : ': no Open MPI with a compiler to try it over'}`,
  () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'subtext-mpi-'));
      const source = program('abi-shim.c');
      const names = [...readFileSync(source, 'utf8').matchAll(/^int abi_(\w+)\(/gm)].map(([, name]) => name!);
      const symbols = names.map((name) => `-Wl,--defsym=MPI_${name}=abi_${name}`);
      execFileSync('mpicc.openmpi', ['-shared', '-fPIC', '-o', join(folder, 'libmpi_abi.so'), source, ...symbols]);
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('computes by the constants of the standard', () => {
      const environment = { SUBTEXT_MPI: join(folder, 'libmpi_abi.so') };
      const { output, status } = run({ command: openmpi!, options, size: 3, file: 'every-call.mjs', environment });
      expect(status, output).toBe(0);
      expect(output).toContain('"kind":"abi"');
    });
  },
);

describe('without MPI', () => {
  it('says what to install, or what is wrong with what was named', async () => {
    await expect(loadMpi({ library: '/nowhere/libmpi.so' })).rejects.toMatchObject({
      code: 'no-mpi',
      message: expect.stringContaining('/nowhere/libmpi.so cannot be loaded') as string,
    });
    const folder = mkdtempSync(join(tmpdir(), 'subtext-mpi-'));
    writeFileSync(join(folder, 'libmpi.so'), 'no library');
    await expect(loadMpi({ library: join(folder, 'libmpi.so') })).rejects.toMatchObject({ code: 'no-mpi' });
    rmSync(folder, { recursive: true });
  });

  it.skipIf(process.platform !== 'linux')('a library that is no MPI, or not the one that its name says', async () => {
    await expect(loadMpi({ library: 'libm.so.6' })).rejects.toMatchObject({
      code: 'unknown-mpi',
      message: expect.stringContaining('it is no MPI library') as string,
    });
  });

  it('reads what the launchers say', () => {
    expect(findLaunch({ environment: {} })).toBeUndefined();
    expect(findLaunch({ environment: { OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_RANK: '2' } })).toEqual({
      launcher: 'openmpi',
      size: 4,
      variable: 'OMPI_COMM_WORLD_SIZE',
      rank: 2,
    });
    expect(findLaunch({ environment: { PMI_SIZE: '3' } })?.launcher).toBe('hydra');
    expect(findLaunch({ environment: { SLURM_STEP_NUM_TASKS: '8' } })?.size).toBe(8);
    expect(findLaunch({ environment: { PMI_SIZE: 'many' } })).toBeUndefined();
  });
});
