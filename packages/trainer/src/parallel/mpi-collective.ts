import { findLaunch, findLocalRank, type LocalRank, type Mpi, openMpi } from '@subtext/mpi';

import { setTimeout as sleep } from 'node:timers/promises';

import { alone, type Collective } from './collective';

/** The processes that `mpirun` or `srun` started, over MPI. While it waits, the event loop runs: timers and signals are heard. */
export function mpiCollective({ mpi, localSize }: { mpi: Mpi; localSize: number }): Collective {
  return {
    rank: mpi.rank,
    size: mpi.size,
    localSize,
    allGather: ({ array }) => mpi.startAllGather({ array }).finished(),
    broadcast: ({ array, root }) => mpi.startBroadcast({ array, root }).finished(),
    startMessages: ({ messages }) => mpi.startMessages({ messages }),
    abort: () => mpi.abort(),
  };
}

/** Milliseconds by which other ranks than the first fail later: what is wrong with MPI is wrong for all, and said once. */
const OTHERS_LATER = 5_000;

/** A collective that was opened. */
export interface OpenCollective {
  collective: Collective;
  /** Where this process stands among those of its machine; undefined where it was started alone. */
  local?: LocalRank;
  /** Ends MPI, where it was opened; waits for the others. */
  close(): Promise<void>;
}

/**
 * Connects with the processes that a launcher (`mpirun`, `srun`) started beside this one; where there is none, this one is
 * alone, and no MPI is needed. Once a process.
 *
 * @throws MpiError
 */
export async function openCollective({
  deadlineSeconds = 600,
}: {
  /** How long a rank waits for the others before the job ends; 0: for ever. @default 600 */
  deadlineSeconds?: number;
} = {}): Promise<OpenCollective> {
  const launch = findLaunch();
  if (!launch || launch.size === 1) return { collective: alone, close: async () => undefined };
  const mpi = await openMpi({ deadlineSeconds }).catch(async (error: unknown) => {
    if (launch.rank > 0) await sleep(OTHERS_LATER);
    throw error;
  });
  const local = findLocalRank({ mpi });
  return {
    collective: mpiCollective({ mpi, localSize: local.localSize }),
    local,
    close: () => mpi.close(),
  };
}
