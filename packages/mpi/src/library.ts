import type { LibraryHandle } from 'koffi';

import { calmUcx } from './calm-ucx';
import { MpiError } from './errors';
import { type Handles, handlesOf, type MpiKind } from './handles';
import { findLaunch } from './launcher';

type Call = (...values: unknown[]) => number;

/** Signatures of the MPI functions used, by name without `MPI_`. */
const signatures = {
  Init_thread: 'void *, void *, int, void *',
  Initialized: 'void *',
  Finalize: '',
  Abort: 'H, int',
  Comm_rank: 'H, void *',
  Comm_size: 'H, void *',
  Comm_set_errhandler: 'H, H',
  Error_string: 'int, void *, void *',
  Get_processor_name: 'void *, void *',
  Barrier: 'H',
  Bcast: 'void *, int, H, int, H',
  Reduce: 'P, P, int, H, H, int, H',
  Allreduce: 'P, void *, int, H, H, H',
  Reduce_scatter_block: 'P, void *, int, H, H, H',
  Allgather: 'P, int, H, void *, int, H, H',
  Gather: 'P, int, H, P, int, H, int, H',
  Send: 'void *, int, H, int, int, H',
  Recv: 'void *, int, H, int, int, H, P',
  Iprobe: 'int, int, H, void *, P',
  Ibarrier: 'H, void *',
  Ibcast: 'void *, int, H, int, H, void *',
  Ireduce: 'P, P, int, H, H, int, H, void *',
  Iallreduce: 'P, void *, int, H, H, H, void *',
  Ireduce_scatter_block: 'P, void *, int, H, H, H, void *',
  Iallgather: 'P, int, H, void *, int, H, H, void *',
  Igather: 'P, int, H, P, int, H, int, H, void *',
  Isend: 'void *, int, H, int, int, H, void *',
  Irecv: 'void *, int, H, int, int, H, void *',
  Testall: 'int, void *, void *, P',
} as const;

/** MPI functions; each returns 0 or an error code. `P` is an address or an array. */
export type MpiFunctions = Record<keyof typeof signatures, Call>;

/** A loaded library. */
export interface MpiLibrary {
  kind: MpiKind;
  /** Version as reported by the library, in one line. */
  version: string;
  file: string;
  handles: Handles;
  functions: MpiFunctions;
}

const names: Record<MpiKind, Record<'darwin' | 'other', string[]>> = {
  abi: {
    other: ['libmpi_abi.so.0', 'libmpi_abi.so.1', 'libmpi_abi.so'],
    darwin: ['libmpi_abi.0.dylib', 'libmpi_abi.dylib'],
  },
  openmpi: {
    other: ['libmpi.so.40', 'libmpi.so.80', 'libmpi.so'],
    darwin: ['libmpi.40.dylib', '/opt/homebrew/lib/libmpi.dylib', '/usr/local/lib/libmpi.dylib'],
  },
  mpich: {
    other: ['libmpi.so.12', 'libmpich.so.12', 'libmpi.so'],
    darwin: ['libmpi.12.dylib', 'libpmpi.12.dylib', '/opt/homebrew/lib/libmpi.dylib'],
  },
};

function isKind(value: string): value is MpiKind {
  return value === 'abi' || value === 'openmpi' || value === 'mpich';
}

function quietly<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** Detects the ABI of a library from its symbols and version string. */
function kindOf({
  library,
  file,
}: {
  library: LibraryHandle;
  file: string;
}): { kind: MpiKind; version: string } | string {
  const has = (symbol: string) => quietly(() => library.symbol(symbol) as unknown) !== undefined;
  const ask = quietly(() => library.func('int MPI_Get_library_version(void *, void *)') as Call);
  if (!ask) return `${file} has no MPI_Get_library_version: it is no MPI library of version 3 or later`;
  const text = new Uint8Array(8192);
  ask(text, new Int32Array(1));
  const version = new TextDecoder()
    .decode(text.subarray(0, text.indexOf(0)))
    .split(/[\n\r,]/, 1)[0]!
    .replace(/\s+/g, ' ');
  if (/mpi_abi/.test(file))
    return has('MPI_Abi_get_version')
      ? { kind: 'abi', version }
      : `${file} is named like the standard ABI but has no MPI_Abi_get_version (${version})`;
  if (has('ompi_mpi_comm_world')) return { kind: 'openmpi', version };
  if (/MPICH|Intel|MVAPICH/i.test(version)) return { kind: 'mpich', version };
  return `the handles of ${version} (${file}) are unknown`;
}

/** Libraries to try, in order: the launcher's MPI first. */
function candidates(wanted: string | undefined): { file: string; kind?: MpiKind }[] {
  if (wanted && !isKind(wanted)) return [{ file: wanted }];
  const system = process.platform === 'darwin' ? 'darwin' : 'other';
  const launcher = findLaunch()?.launcher;
  const kinds: MpiKind[] = wanted
    ? [wanted as MpiKind]
    : launcher === 'openmpi'
      ? ['openmpi', 'abi', 'mpich']
      : launcher === 'hydra'
        ? ['mpich', 'abi', 'openmpi']
        : ['abi', 'openmpi', 'mpich'];
  return kinds.flatMap((kind) => names[kind][system].map((file) => ({ file, kind })));
}

/**
 * Loads MPI.
 *
 * @param options `library` is a file, or `abi`, `openmpi` or `mpich`. @default `SUBTEXT_MPI`, else the first library found, starting with the launcher's
 * @throws MpiError `no-mpi`, `unknown-mpi`
 */
export async function loadMpi({
  library: wanted = process.env['SUBTEXT_MPI'],
}: { library?: string } = {}): Promise<MpiLibrary> {
  const { default: koffi } = await import('koffi');
  calmUcx();
  const faults: string[] = [];
  for (const { file, kind } of candidates(wanted || undefined)) {
    let library: LibraryHandle;
    try {
      // Its plug-ins look up its symbols globally in the process.
      library = koffi.load(file, { global: true });
    } catch (error) {
      if (wanted && !kind)
        throw new MpiError({
          code: 'no-mpi',
          message: `The MPI library ${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}. Set SUBTEXT_MPI to a file, or to abi, openmpi or mpich.`,
          cause: error,
        });
      continue;
    }
    const found = kindOf({ library, file });
    if (typeof found === 'string') {
      faults.push(found);
      continue;
    }
    if (kind && found.kind !== kind) continue;
    const handles = handlesOf({ kind: found.kind, address: (symbol) => BigInt(library.symbol(symbol) as bigint) });
    return { ...found, file, handles, functions: bind(library, handles) };
  }
  if (faults.length > 0)
    throw new MpiError({
      code: 'unknown-mpi',
      message: `No usable MPI library: ${faults.join('; ')}. Set SUBTEXT_MPI to another: a file, or abi, openmpi or mpich.`,
    });
  throw new MpiError({
    code: 'no-mpi',
    message: `No MPI library was found${wanted ? ` for SUBTEXT_MPI=${wanted}` : ''}. Install one (Debian: apt install openmpi-bin; macOS: brew install open-mpi) or set SUBTEXT_MPI to its file.`,
  });
}

function bind(library: LibraryHandle, { handleType }: Handles): MpiFunctions {
  return Object.fromEntries(
    Object.entries(signatures).map(([name, parameters]) => [
      name,
      library.func(
        `int MPI_${name}(${parameters.replaceAll('H', handleType).replaceAll('P', 'void *')})`,
      ) as unknown as Call,
    ]),
  ) as MpiFunctions;
}
