import { hostname } from 'node:os';

import type { Mpi } from './mpi';

const NAME_BYTES = 256;

/** Local rank of a process on its machine. */
export interface LocalRank {
  host: string;
  /** Index of this process on its host, from 0; determines its device. */
  localRank: number;
  /** Number of processes on this host. */
  localSize: number;
  /** The hosts of all ranks. */
  hosts: string[];
}

/** Finds the processes on the same machine by host name. A collective. */
export function findLocalRank({
  mpi,
  host = hostname(),
}: {
  mpi: Pick<Mpi, 'rank' | 'size' | 'allGather'>;
  /** @default this machine's name */
  host?: string;
}): LocalRank {
  const names = new Uint8Array(NAME_BYTES * mpi.size);
  new TextEncoder().encodeInto(host, names.subarray(mpi.rank * NAME_BYTES, (mpi.rank + 1) * NAME_BYTES));
  mpi.allGather({ array: names });
  const hosts = Array.from({ length: mpi.size }, (_, rank) =>
    new TextDecoder().decode(names.subarray(rank * NAME_BYTES, (rank + 1) * NAME_BYTES)).replace(/\0.*$/s, ''),
  );
  const own = hosts[mpi.rank]!;
  return {
    host: own,
    localRank: hosts.slice(0, mpi.rank).filter((name) => name === own).length,
    localSize: hosts.filter((name) => name === own).length,
    hosts,
  };
}
