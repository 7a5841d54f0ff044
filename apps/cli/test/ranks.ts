import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../bin/subtext.js', import.meta.url));

/** The `mpirun` of this machine, with what lets it start more processes than there are processors. */
export const mpirun = [
  { name: 'mpirun.openmpi', options: ['--oversubscribe'] },
  { name: 'mpirun', options: ['--oversubscribe'] },
  { name: 'mpirun.mpich', options: [] },
].find(
  ({ name, options }) =>
    options.length > 0 ===
    /open.?mpi|open-mpi/i.test(spawnSync(name, ['--version'], { encoding: 'utf8' }).stdout ?? ''),
);

/** Runs the built command as ranks. `onOutput` sees the output as it comes, and may end the process with a number. */
export function ranks({
  size,
  words,
  folder,
  program = command,
  environment,
  onOutput,
}: {
  size: number;
  words: readonly string[];
  folder: string;
  /** @default `subtext` */ program?: string;
  environment?: Record<string, string>;
  onOutput?: (output: string, processes: () => number[]) => void;
}): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const { name, options } = mpirun!;
    const child = spawn(name, [...options, '-n', String(size), process.execPath, program, ...words], {
      cwd: folder,
      env: {
        ...process.env,
        SUBTEXT_ENGINE: 'wasm',
        NO_COLOR: '1',
        HF_HUB_OFFLINE: '1',
        OMPI_ALLOW_RUN_AS_ROOT: '1',
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
        ...environment,
      },
    });
    let output = '';
    const add = (data: Buffer) => {
      output += data.toString();
      onOutput?.(output, () => childrenOf(child.pid!));
    };
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** The processes that run Node beneath one, in the order in which they were started. */
function childrenOf(ancestor: number): number[] {
  const parents = new Map<number, number>();
  const names = new Map<number, string>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const [, name, rest] = /\((.*)\) (.*)/s.exec(status)!;
      parents.set(Number(entry), Number(rest!.split(' ')[1]));
      names.set(Number(entry), name!);
    } catch {
      // It has ended.
    }
  }
  const beneath = (process: number): boolean =>
    process === ancestor || (parents.has(process) && process > 1 && beneath(parents.get(process)!));
  return [...parents.keys()]
    .filter((process) => process !== ancestor && /^(node|MainThread)/.test(names.get(process)!) && beneath(process))
    .sort((one, other) => one - other);
}
