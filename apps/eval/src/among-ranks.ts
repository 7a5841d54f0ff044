import { noPeers, type Peers } from '@subtext/core/node';
import { chooseDevice, findLaunch, findLocalRank, openMpi } from '@subtext/mpi';
import { writeErrorLine } from '@subtext/terminal';
import { availableParallelism } from 'node:os';

/** The processes that `mpirun` or `srun` started, which share an evaluation or an audit. */
export interface Ranks extends Peers {
  /** Waits for all of them; the event loop runs. */
  meet(): Promise<void>;
}

/**
 * Carries out work as one of the processes that were started together; alone where there is no launcher. The ranks of a
 * machine share its processors and take a GPU each. A rank that fails ends the job.
 */
export async function amongRanks<Result>(action: (ranks: Ranks) => Promise<Result>): Promise<Result> {
  if ((findLaunch()?.size ?? 1) === 1) return action({ ...noPeers, meet: async () => undefined });
  const mpi = await openMpi();
  try {
    const local = findLocalRank({ mpi });
    process.env.SUBTEXT_THREADS ??= String(Math.max(1, Math.floor(availableParallelism() / local.localSize)));
    const device = chooseDevice(local);
    if (device !== undefined) process.env.CUDA_VISIBLE_DEVICES = device;
    const meet = () => mpi.startAllReduce({ array: new Float32Array(1) }).finished();
    const allGather: Peers['allGather'] = ({ array }) => mpi.startAllGather({ array }).finished();
    const result = await action({ rank: mpi.rank, size: mpi.size, allGather, meet });
    await meet();
    await mpi.close();
    return result;
  } catch (error) {
    process.once('exit', () => mpi.abort());
    writeErrorLine(`Rank ${mpi.rank} of ${mpi.size}:`);
    throw error;
  }
}
