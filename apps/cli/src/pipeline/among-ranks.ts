import { chooseDevice, type Collective, openCollective } from '@subtext/trainer';
import { writeErrorLine } from '@subtext/terminal';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that the other ranks leave the first one to say what is wrong. */
const OTHERS_WAIT = 5_000;

/**
 * Carries out work as one of the processes that `mpirun` or `srun` started; alone where there is no launcher. The ranks of a
 * machine share its processors and take a GPU each. A rank that fails ends the job.
 */
export async function amongRanks<Result>({
  deadlineSeconds,
  action,
}: {
  /** @default see `openCollective` */
  deadlineSeconds?: number;
  action: (collective: Collective) => Promise<Result>;
}): Promise<Result> {
  const { collective, local, close } = await openCollective({ deadlineSeconds });
  if (!local) return action(collective);
  try {
    process.env.SUBTEXT_THREADS ??= String(Math.max(1, Math.floor(availableParallelism() / local.localSize)));
    const device = chooseDevice(local);
    if (device !== undefined) process.env.CUDA_VISIBLE_DEVICES = device;
    const result = await action(collective);
    await close();
    return result;
  } catch (error) {
    // What is wrong everywhere the first rank says for all: with its end the launcher ends the others too.
    if (collective.rank > 0) {
      process.once('SIGTERM', () => process.exit(1));
      await sleep(OTHERS_WAIT);
    }
    process.once('exit', () => collective.abort());
    writeErrorLine(`Rank ${collective.rank} of ${collective.size}, on ${local.host}:`);
    throw error;
  }
}
