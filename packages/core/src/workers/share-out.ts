import { deserialize, serialize } from 'node:v8';

/** Cooperating processes, which all call the same functions in the same order. */
export interface Peers {
  /** Index of this process, from 0. */
  readonly rank: number;
  readonly size: number;
  /** All-gather in place: `array` is `[size · n]`, of which each process has filled part `rank`. */
  allGather(options: { array: Float64Array | Uint8Array }): Promise<void>;
}

/** A single process. */
export const noPeers: Peers = { rank: 0, size: 1, allGather: async () => undefined };

/** Bytes of communication buffer. */
const ROUND_BYTES = 2 ** 26;

/**
 * Distributes tasks over the processes: task `i` runs on rank `i % size`, in order. A task must give the same result on
 * every process, and the result must be cloneable; numbers are transferred bit for bit. If a task throws, its process
 * throws and has to terminate the others.
 *
 * @returns the results in order, on every process
 */
export async function shareOut<Result>({
  peers = noPeers,
  count,
  work,
  roundBytes = ROUND_BYTES,
}: {
  /** @default this process by itself */ peers?: Peers;
  /** Number of tasks. */ count: number;
  work: (index: number) => Promise<Result> | Result;
  /** Bytes transferred at a time, summed over all processes. @default 2 ** 26 */ roundBytes?: number;
}): Promise<Result[]> {
  const own: Result[] = [];
  for (let index = peers.rank; index < count; index += peers.size) own.push(await work(index));
  if (peers.size === 1) return own;
  const all = await gatherBytes({ peers, bytes: serialize(own), roundBytes });
  const values = all.map((bytes, rank) => (rank === peers.rank ? own : (deserialize(bytes) as Result[])));
  return Array.from({ length: count }, (_, index) => values[index % peers.size]![Math.floor(index / peers.size)]!);
}

/** Runs `work` on rank 0 and broadcasts the result; the other processes wait. */
export async function firstTells<Result>({
  peers = noPeers,
  work,
}: {
  /** @default this process by itself */ peers?: Peers;
  work: () => Promise<Result> | Result;
}): Promise<Result> {
  return (await shareOut({ peers, count: 1, work }))[0]!;
}

async function gatherBytes({
  peers,
  bytes,
  roundBytes,
}: {
  peers: Peers;
  bytes: Uint8Array;
  roundBytes: number;
}): Promise<Uint8Array[]> {
  const { rank, size } = peers;
  const lengths = new Float64Array(size);
  lengths[rank] = bytes.length;
  await peers.allGather({ array: lengths });
  const parts = Array.from(lengths, (length) => new Uint8Array(length));
  const most = Math.max(...lengths);
  const step = Math.max(1, Math.floor(roundBytes / size));
  for (let from = 0; from < most; from += step) {
    const length = Math.min(step, most - from);
    const round = new Uint8Array(size * length);
    round.set(bytes.subarray(from, from + length), rank * length);
    await peers.allGather({ array: round });
    for (const [other, part] of parts.entries())
      if (part.length > from)
        part.set(round.subarray(other * length, other * length + Math.min(length, part.length - from)), from);
  }
  return parts;
}
