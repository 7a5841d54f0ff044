import { deserialize, serialize } from 'node:v8';

/** Processes that work on one thing together: all of them call the same functions in the same order. */
export interface Peers {
  /** This one's number, from 0. */
  readonly rank: number;
  readonly size: number;
  /** Everyone's part to everyone: `[size · n]`, of which each has filled part `rank`. */
  allGather(options: { array: Float64Array | Uint8Array }): Promise<void>;
}

/** A process by itself. */
export const noPeers: Peers = { rank: 0, size: 1, allGather: async () => undefined };

/** What a process holds beside the values while they travel. */
const ROUND_BYTES = 2 ** 26;

/**
 * Carries out pieces of work, each on one of the processes: piece `i` on the one of rank `i % size`, in order. A piece must
 * give the same wherever it is carried out, and something that can be cloned; numbers keep their bits. Where a piece
 * throws, its process throws, and has to end the others.
 *
 * @returns on every process, what the pieces gave, in their order
 */
export async function shareOut<Result>({
  peers = noPeers,
  count,
  work,
  roundBytes = ROUND_BYTES,
}: {
  /** @default this process by itself */ peers?: Peers;
  /** How many pieces there are. */ count: number;
  work: (index: number) => Promise<Result> | Result;
  /** What travels at a time, of all processes together. @default 2 ** 26 */ roundBytes?: number;
}): Promise<Result[]> {
  const own: Result[] = [];
  for (let index = peers.rank; index < count; index += peers.size) own.push(await work(index));
  if (peers.size === 1) return own;
  const all = await gatherBytes({ peers, bytes: serialize(own), roundBytes });
  const values = all.map((bytes, rank) => (rank === peers.rank ? own : (deserialize(bytes) as Result[])));
  return Array.from({ length: count }, (_, index) => values[index % peers.size]![Math.floor(index / peers.size)]!);
}

/** What the first process gives, told to all; the others do nothing meanwhile. */
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
