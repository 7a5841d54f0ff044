import type { Collective, Message, PendingMessages } from './collective';

/** Messages of a lane that may be under way at first. */
const FIRST_WINDOW = 2;

/** What one sender sends one after the other. */
interface Lane {
  messages: Message[];
  /** The first that has not been asked for. */
  next: number;
  pending: PendingMessages[];
}

/**
 * Receives messages a few at a time while this process is computing. A large message travels once its receiver has
 * answered, and the answer waits its turn in a connection behind what is on its way to the sender: were everything
 * received at once, a process that sends later than the other would wait until all that it is to receive has come, and a
 * link that carries both ways at once would carry one after the other. So a lane has a window, which doubles whenever
 * everything in it has come by the next look: it grows to what travels between two looks, and stays small where the link
 * is slow.
 */
export class ReceiveWindow {
  readonly #collective: Collective;
  readonly #lanes: Lane[];
  #window = FIRST_WINDOW;

  /** @param options.lanes How many senders there are. */
  constructor({ collective, lanes }: { collective: Collective; lanes: number }) {
    this.#collective = collective;
    this.#lanes = Array.from({ length: lanes }, () => ({ messages: [], next: 0, pending: [] }));
  }

  /** Begins anew, with these messages of each lane in their order; the window stays as it has grown. */
  begin(lanes: readonly Message[][]): void {
    for (const [index, messages] of lanes.entries()) this.#lanes[index] = { messages, next: 0, pending: [] };
  }

  /** Asks for what the window has room for. */
  advance(): void {
    const full = this.#lanes.filter(({ pending }) => pending.length === this.#window);
    for (const { pending } of this.#lanes) while (pending[0]?.done()) pending.shift();
    if (full.length > 0 && full.every(({ pending }) => pending.length === 0)) this.#window *= 2;
    for (const lane of this.#lanes)
      for (; lane.pending.length < this.#window && lane.next < lane.messages.length; lane.next++)
        lane.pending.push(this.#collective.startMessages({ messages: [lane.messages[lane.next]!] }));
  }

  /** Asks for all that is left; gives what is under way. */
  rest(): PendingMessages[] {
    const pending = this.#lanes.flatMap((lane) => lane.pending);
    const left = this.#lanes.flatMap(({ messages, next }) => messages.slice(next));
    for (const lane of this.#lanes) [lane.next, lane.pending] = [lane.messages.length, []];
    if (left.length > 0) pending.push(this.#collective.startMessages({ messages: left }));
    return pending;
  }
}
