/** How this process was launched. */
export interface Launch {
  /** Launcher: Open MPI's `mpirun`, Hydra (MPICH and Intel MPI), or Slurm's `srun`. */
  launcher: 'openmpi' | 'hydra' | 'slurm';
  /** Number of processes launched. */
  size: number;
  /** Environment variable with that number. */
  variable: string;
  /** Rank of this process, from 0. */
  rank: number;
}

const variables = [
  ['OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK', 'openmpi'],
  ['PMI_SIZE', 'PMI_RANK', 'hydra'],
  ['SLURM_STEP_NUM_TASKS', 'SLURM_PROCID', 'slurm'],
] as const;

/**
 * Detects the launcher from the environment, without loading anything. Undefined if this process was not launched by one.
 *
 * @param options.environment @default `process.env`
 */
export function findLaunch({ environment = process.env }: { environment?: NodeJS.ProcessEnv } = {}):
  Launch | undefined {
  for (const [variable, number, launcher] of variables) {
    const size = Number(environment[variable]);
    if (Number.isInteger(size) && size > 0) return { launcher, size, variable, rank: Number(environment[number] ?? 0) };
  }
  return undefined;
}
