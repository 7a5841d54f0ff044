import { TrainerError } from '../errors';

type Elements = Float32Array | Float64Array | Int32Array | Uint8Array;

/** One message to or from another rank. */
export type Message = ({ send: Elements; to: number } | { receive: Elements; from: number }) & {
  /** A message is received by one of its tag. @default 0 */ tag?: number;
};

/** What is under way between ranks; it moves on while `done` is called. */
export interface PendingMessages {
  done(): boolean;
  finished(): Promise<void>;
}

/**
 * Processes that work on one thing together: each has the same program and its own rank. All call the same functions in
 * the same order. Within a process threads share memory; see `TrainingTask`.
 */
export interface Collective {
  /** From 0. */
  readonly rank: number;
  readonly size: number;
  /** How many of the ranks share this machine. */
  readonly localSize: number;
  /** Everyone's part to everyone: `[size · n]`, of which each has filled part `rank`. */
  allGather(options: { array: Elements }): Promise<void>;
  /** The root's array to everyone. */
  broadcast(options: { array: Elements; root?: number }): Promise<void>;
  /** Starts several messages; those of one tag between two ranks arrive in their order. */
  startMessages(options: { messages: readonly Message[] }): PendingMessages;
  /** Ends all processes at once. */
  abort(): void;
}

/** One process alone. */
export const alone: Collective = {
  rank: 0,
  size: 1,
  localSize: 1,
  allGather: async () => undefined,
  broadcast: async () => undefined,
  startMessages: () => ({ done: () => true, finished: async () => undefined }),
  abort: () => undefined,
};

/** Everyone's text, in the order of the ranks. */
export async function gatherTexts({ collective, text }: { collective: Collective; text: string }): Promise<string[]> {
  const { rank, size } = collective;
  const own = new TextEncoder().encode(text);
  const lengths = new Float64Array(size);
  lengths[rank] = own.length;
  await collective.allGather({ array: lengths });
  const most = Math.max(1, ...lengths);
  const bytes = new Uint8Array(size * most);
  bytes.set(own, rank * most);
  await collective.allGather({ array: bytes });
  return Array.from(lengths, (length, one) => new TextDecoder().decode(bytes.slice(one * most, one * most + length)));
}

/** The first rank's text. */
export async function broadcastText({
  collective,
  text,
}: {
  collective: Collective;
  /** Of the first rank; that of the others is not read. */ text: string;
}): Promise<string> {
  if (collective.size === 1) return text;
  const own = new TextEncoder().encode(text);
  const length = new Float64Array([own.length]);
  await collective.broadcast({ array: length });
  const bytes = collective.rank === 0 ? own : new Uint8Array(length[0]!);
  await collective.broadcast({ array: bytes });
  return new TextDecoder().decode(bytes);
}

/** Throws `invalid-option` where the shards cannot be dealt to the ranks evenly. */
export function checkShards({ collective: { size }, shards }: { collective: Collective; shards: number }): void {
  if (shards % size === 0) return;
  const multiple = Math.ceil(shards / size) * size;
  const divisors = Array.from({ length: shards }, (_, index) => index + 1).filter((one) => shards % one === 0);
  throw new TrainerError({
    code: 'invalid-option',
    message: `${size} ranks cannot share ${shards} shards evenly. Start ${divisors.length > 1 ? `one of ${divisors.join(', ')} ranks` : '1 rank'}, or set training.shards to a multiple such as ${multiple}; the result depends on the shards, not on the ranks.`,
  });
}
