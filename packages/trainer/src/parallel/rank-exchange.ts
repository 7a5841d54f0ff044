import type { Collective, Message, PendingMessages } from './collective';
import { ReceiveWindow } from './receive-window';
import { CHUNK, gradientBase, MAXIMUM_METRICS, type SharedState, sumBase } from './shared-state';

/** Elements of a piece of gradients that travels by itself: a sixteenth of all in whole chunks, 1 MiB at most. */
const pieceLength = (length: number) => CHUNK * Math.min(16, Math.ceil(length / 16 / CHUNK));

/** How the ranks' gradients are summed; see `RanksOptions`. */
export type SumOrder = 'shards' | 'any';

/** What each rank would like to happen after a step: what one asks for, all do. */
export interface Wishes {
  /** To save and leave. */
  stop: boolean;
  /** To write a checkpoint. */
  save: boolean;
}

/** A piece of the flat arrays, and the rank that sums it. */
interface Piece {
  owner: number;
  from: number;
  to: number;
}

/**
 * Brings gradients, losses and weights from rank to rank. Each rank sums a slice of the parameters: the others send it
 * their shards' gradients of the slice, piece by piece from the last parameter to the first, which is about the order in
 * which a backward pass ends them, so that most of it travels while the rest is computed. The owner has every shard by
 * itself, and adds them in the order of the shards: no sum depends on the number of ranks. A rank sends
 * `shards / ranks · length · (1 − 1 / ranks)` elements and as many are received; a ring's reduce-scatter sends
 * `length · (1 − 1 / ranks)`.
 */
export class RankExchange {
  readonly #collective: Collective;
  readonly #state: SharedState;
  readonly #order: SumOrder;
  readonly #pieces: Piece[];
  readonly #receives: ReceiveWindow;
  #pending: PendingMessages[] = [];
  /** Of each own shard: pieces sent. */
  #sent: number[] = [];
  /** Milliseconds that the last step waited for others, beside what travelled while it computed. */
  waited = 0;

  constructor({ collective, state, order }: { collective: Collective; state: SharedState; order: SumOrder }) {
    this.#collective = collective;
    this.#state = state;
    this.#order = order;
    const { bounds, ownShards } = state.share;
    this.#pieces = piecesOf({ bounds, length: pieceLength(state.parameters.length) });
    this.#receives = new ReceiveWindow({ collective, lanes: state.shards - ownShards });
  }

  /** Begins a step: what the others will send has its place. */
  begin(): void {
    const { share, shards, gradients } = this.#state;
    this.waited = 0;
    this.#sent = Array.from({ length: share.ownShards }, () => 0);
    this.#state.ready.fill(this.#state.spans.length);
    if (this.#order === 'any') return;
    const own = this.#pieces.filter(({ owner }) => owner === share.rank);
    const lanes: Message[][] = [];
    for (let shard = 0; shard < shards; shard++) {
      const from = Math.floor(shard / share.ownShards);
      if (from === share.rank) continue;
      const base = gradientBase(this.#state, shard);
      lanes.push(
        own.map((piece) => ({
          receive: gradients.subarray(base + piece.from, base + piece.to),
          from,
          tag: 1 + shard,
        })),
      );
    }
    this.#receives.begin(lanes);
  }

  /** Sends what has been written since the last call, and moves on what is under way. */
  advance(): void {
    if (this.#order !== 'any') {
      const { ready } = this.#state;
      for (let own = 0; own < this.#sent.length; own++) this.#send(own, Atomics.load(ready, own));
      this.#receives.advance();
    }
    this.#pending = this.#pending.filter((pending) => !pending.done());
  }

  #send(own: number, readySpan: number): void {
    const { spans, share, parameters, gradients } = this.#state;
    const written = spans[readySpan]?.offset ?? parameters.length;
    const messages: Message[] = [];
    for (; this.#sent[own]! < this.#pieces.length; this.#sent[own]!++) {
      const { owner, from, to } = this.#pieces[this.#sent[own]!]!;
      if (from < written) break;
      const base = own * parameters.length;
      const tag = 1 + share.firstShard + own;
      if (owner !== share.rank) messages.push({ send: gradients.subarray(base + from, base + to), to: owner, tag });
    }
    if (messages.length > 0) this.#pending.push(this.#collective.startMessages({ messages }));
  }

  /** Ends what `begin` began; brings everyone the losses, which gradients there are, and what was wished for. */
  async finish(wishes: Wishes): Promise<Wishes> {
    this.advance();
    const began = performance.now();
    this.#pending.push(...this.#receives.rest());
    const { size, rank } = this.#collective;
    const { losses, present, share, spans } = this.#state;
    const lossNumbers = share.ownShards * (1 + MAXIMUM_METRICS);
    const presentNumbers = share.ownShards * spans.length;
    const block = 2 + lossNumbers + presentNumbers;
    const all = new Float64Array(size * block);
    const own = all.subarray(rank * block, (rank + 1) * block);
    own[0] = Number(wishes.stop);
    own[1] = Number(wishes.save);
    own.set(losses.subarray(rank * lossNumbers, (rank + 1) * lossNumbers), 2);
    own.set(present.subarray(rank * presentNumbers, (rank + 1) * presentNumbers), 2 + lossNumbers);
    await this.#collective.allGather({ array: all });
    for (let other = 0; other < size; other++) {
      const part = all.subarray(other * block, (other + 1) * block);
      losses.set(part.subarray(2, 2 + lossNumbers), other * lossNumbers);
      present.set(part.subarray(2 + lossNumbers), other * presentNumbers);
    }
    for (const pending of this.#pending) await pending.finished();
    this.#pending = [];
    this.waited += performance.now() - began;
    const wished = (place: number) =>
      Array.from({ length: size }, (_, other) => all[other * block + place]).includes(1);
    return { stop: wished(0), save: wished(1) };
  }

  /** Brings everyone the others' sums of its slice. */
  async sendSums(): Promise<void> {
    const { gradients, share } = this.#state;
    const { bounds, from, to } = share;
    await this.#exchange((other) => {
      const sent = gradients.subarray(bounds[other]!, bounds[other + 1]!);
      const base = sumBase(this.#state, other);
      return [
        ...(sent.length > 0 ? [{ send: sent, to: other }] : []),
        ...(to > from ? [{ receive: gradients.subarray(base + from, base + to), from: other }] : []),
      ];
    });
  }

  /** Brings everyone every slice of the summed gradients. */
  async gatherGradients(): Promise<void> {
    await this.gatherSlices(this.#gradients());
  }

  /** Brings everyone every slice of a flat array. */
  async gatherSlices(array: Float32Array): Promise<void> {
    const { rank, bounds } = this.#state.share;
    const slice = (one: number) => array.subarray(bounds[one]!, bounds[one + 1]!);
    await this.#exchange((other) => [
      ...(slice(rank).length > 0 ? [{ send: slice(rank), to: other }] : []),
      ...(slice(other).length > 0 ? [{ receive: slice(other), from: other }] : []),
    ]);
  }

  /** Brings the first rank every slice of a flat array. */
  async collectSlices(array: Float32Array): Promise<void> {
    await this.#betweenFirstAndOthers(array, 'to first');
  }

  /** Brings every rank its slice of the first rank's array. */
  async dealSlices(array: Float32Array): Promise<void> {
    await this.#betweenFirstAndOthers(array, 'from first');
  }

  async #betweenFirstAndOthers(array: Float32Array, direction: 'to first' | 'from first'): Promise<void> {
    const { rank, bounds } = this.#state.share;
    const part = (of: number, first: boolean) => {
      const slice = array.subarray(bounds[of]!, bounds[of + 1]!);
      const peer = first ? of : 0;
      if (slice.length === 0) return [];
      return [first === (direction === 'to first') ? { receive: slice, from: peer } : { send: slice, to: peer }];
    };
    await this.#exchange((other) => (rank === 0 ? part(other, true) : other === 0 ? part(rank, false) : []));
  }

  /** Brings everyone the sums of squares of every slice. */
  async gatherSquares(): Promise<void> {
    const { partialSums, share } = this.#state;
    const { rank, bounds } = share;
    const slice = (one: number) =>
      partialSums.subarray(Math.ceil(bounds[one]! / CHUNK), Math.ceil(bounds[one + 1]! / CHUNK));
    await this.#exchange((other) => [
      ...(slice(rank).length > 0 ? [{ send: slice(rank), to: other }] : []),
      ...(slice(other).length > 0 ? [{ receive: slice(other), from: other }] : []),
    ]);
  }

  async #exchange(between: (other: number) => Message[]): Promise<void> {
    const { size, rank } = this.#collective;
    const others = Array.from({ length: size - 1 }, (_, index) => (rank + 1 + index) % size);
    await this.#timed(() => this.#collective.startMessages({ messages: others.flatMap(between) }).finished());
  }

  async #timed(action: () => Promise<void>): Promise<void> {
    const began = performance.now();
    await action();
    this.waited += performance.now() - began;
  }

  #gradients(): Float32Array {
    return this.#state.gradients.subarray(0, this.#state.parameters.length);
  }
}

/** The pieces of all slices, from the last to the first. */
function piecesOf({ bounds, length }: { bounds: readonly number[]; length: number }): Piece[] {
  const pieces: Piece[] = [];
  for (let owner = 0; owner + 1 < bounds.length; owner++)
    for (let from = bounds[owner]!; from < bounds[owner + 1]!; from += length)
      pieces.push({ owner, from, to: Math.min(from + length, bounds[owner + 1]!) });
  return pieces.reverse();
}
