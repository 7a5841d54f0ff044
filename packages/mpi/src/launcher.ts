/** How this process was started beside others. */
export interface Launch {
  /** Whose launcher: Open MPI's `mpirun`, the Hydra of MPICH and Intel MPI, or Slurm's `srun`. */
  launcher: 'openmpi' | 'hydra' | 'slurm';
  /** Processes that it started. */
  size: number;
  /** The variable that says so. */
  variable: string;
  /** This process's number among them, from 0. */
  rank: number;
}

const variables = [
  ['OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK', 'openmpi'],
  ['PMI_SIZE', 'PMI_RANK', 'hydra'],
  ['SLURM_STEP_NUM_TASKS', 'SLURM_PROCID', 'slurm'],
] as const;

/**
 * What a launcher says in the environment; nothing is loaded. Undefined where no launcher started this process.
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
