import { MpiError } from './errors';
import { findLaunch, type Launch } from './launcher';
import { loadMpi, type MpiLibrary } from './library';
import { Mpi } from './mpi';
import { watched } from './watch';

const GIBIBYTE = 2 ** 30;
/** Minimum time for the other processes to start. */
const START_SECONDS = 30;

/** Options of {@link openMpi}. */
export interface OpenMpiOptions {
  /** A file, or `abi`, `openmpi` or `mpich`. @default `SUBTEXT_MPI`, else the first library found, starting with the launcher's */
  library?: string;
  /** Seconds a call waits for other processes before it fails; 0 waits forever. @default 0 */
  deadlineSeconds?: number;
  /** Larger arrays are sent in pieces of this many bytes. @default 2 ** 30 */
  pieceBytes?: number;
}

let opened = false;

/**
 * Connects this process to those started with it by `mpirun` or `srun`; without a launcher it is rank 0 of 1. Call it once
 * per process, and `close` before the process exits, or the launcher reports it as lost.
 *
 * @throws MpiError `no-mpi`, `unknown-mpi`, `other-launcher`, `invalid-option`, `mpi-failed`
 */
export async function openMpi({
  library: wanted,
  deadlineSeconds = 0,
  pieceBytes = GIBIBYTE,
}: OpenMpiOptions = {}): Promise<Mpi> {
  if (!(deadlineSeconds >= 0) || !(pieceBytes >= 8 && pieceBytes <= GIBIBYTE))
    throw new MpiError({
      code: 'invalid-option',
      message: `deadlineSeconds must be 0 or more and pieceBytes 8 to ${GIBIBYTE}; got ${deadlineSeconds} and ${pieceBytes}.`,
    });
  if (opened)
    throw new MpiError({
      code: 'invalid-option',
      message: 'MPI can be opened only once per process. Keep the result of openMpi and pass it on.',
    });
  const library = await loadMpi({ library: wanted });
  opened = true;
  const { functions, handles } = library;
  const number = new Int32Array(1);
  const started = await watched({
    what: `Starting ${library.version}`,
    // Processes may start seconds apart on a busy machine.
    deadlineSeconds: deadlineSeconds && Math.max(deadlineSeconds, START_SECONDS),
    action: () => functions.Init_thread(null, null, handles.funneled, number),
  });
  if (started !== 0)
    throw new MpiError({ code: 'mpi-failed', message: `${library.version} (${library.file}) could not start.` });
  functions.Comm_set_errhandler(handles.world, handles.errorsReturn);
  functions.Comm_rank(handles.world, number);
  const rank = number[0]!;
  functions.Comm_size(handles.world, number);
  const size = number[0]!;
  const launch = findLaunch();
  if (size === 1 && launch && launch.size > 1) {
    functions.Finalize();
    throw otherLauncher({ library, launch });
  }
  return new Mpi({ loaded: library, rank, size, deadlineSeconds, pieceBytes });
}

function otherLauncher({ library, launch }: { library: MpiLibrary; launch: Launch }): MpiError {
  const whose = { openmpi: "Open MPI's mpirun", hydra: "MPICH's mpirun (Hydra)", slurm: 'srun' }[launch.launcher];
  const advice =
    launch.launcher === 'slurm'
      ? 'Use an interface that the library supports (srun --mpi=list; pmix for Open MPI, pmi2 for MPICH), or set SUBTEXT_MPI to the library that Slurm was built for.'
      : `Select its library with SUBTEXT_MPI=${launch.launcher === 'openmpi' ? 'openmpi' : 'mpich'}, or use the mpirun of ${library.version}.`;
  return new MpiError({
    code: 'other-launcher',
    message: `${whose} started ${launch.size} processes (${launch.variable}), but ${library.version} (${library.file}) reports a single process: launcher and library belong to two MPIs. ${advice}`,
  });
}
