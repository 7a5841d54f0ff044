import { hostname } from 'node:os';

import type { Mpi } from './mpi';

const NAME_BYTES = 256;

/** Where a process stands among those of its machine. */
export interface LocalRank {
  host: string;
  /** This process's number among those of its host, from 0: which device it takes. */
  localRank: number;
  /** How many of the processes run on this host. */
  localSize: number;
  /** The hosts of all ranks. */
  hosts: string[];
}

/** Tells the processes of one machine from the others, by its name: a collective. */
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
