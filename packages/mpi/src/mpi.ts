import { type MpiArray, elementTypeOf, inPieces } from './arrays';
import { Calls, invalid, type MpiParts } from './calls';
import type { Operation } from './handles';
import type { MpiLibrary } from './library';
import type { Pending } from './pending';

/** One message of an exchange. */
export type Message = ({ send: MpiArray; to: number } | { receive: MpiArray; from: number }) & {
  /** A message is received by one of its tag. @default 0 */ tag?: number;
};

const WORLD_TAG = 0;

/**
 * This process among those that a launcher started together. Every process calls the same collectives in the same order,
 * with arrays of the same length and type. All work in place, on memory of any kind. Functions throw MpiError
 * `invalid-option`, `mpi-failed`, `closed` and, where there is a deadline, `timed-out`.
 */
export class Mpi {
  /** This process's number, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** Which MPI computes: its binary interface, what it says of itself, the library's file. */
  readonly implementation: Pick<MpiLibrary, 'kind' | 'version' | 'file'>;
  readonly #calls: Calls;
  readonly #pieceBytes: number;

  constructor(parts: MpiParts) {
    const { rank, size, pieceBytes, loaded } = parts;
    this.rank = rank;
    this.size = size;
    this.#pieceBytes = pieceBytes;
    this.implementation = { kind: loaded.kind, version: loaded.version, file: loaded.file };
    this.#calls = new Calls(parts);
  }

  /** Waits until all are here. */
  barrier(): void {
    this.#calls.barrier();
  }

  /** Gives all the root's array. */
  broadcast({ array, root = 0 }: { array: MpiArray; /** @default 0 */ root?: number }): void {
    const { functions, world, type } = this.#calls.open(array);
    this.#calls.requireRank(root);
    this.#calls.each(
      [array],
      (piece) => functions.Bcast(piece, piece.length, type, root, world),
      (piece, _index, request) => functions.Ibcast(piece, piece.length, type, root, world, request),
    );
  }

  /** The same, without waiting: the array must be left alone until it is done. */
  startBroadcast({ array, root = 0 }: { array: MpiArray; /** @default 0 */ root?: number }): Pending {
    const { functions, world, type } = this.#calls.open(array);
    this.#calls.requireRank(root);
    return this.#calls.start(inPieces(array, this.#pieceBytes), (piece, _index, request) =>
      functions.Ibcast(piece, piece.length, type, root, world, request),
    );
  }

  /** Puts all arrays together, element by element, in the root's; those of the others stay as they are. */
  reduce({
    array,
    operation = 'sum',
    root = 0,
  }: {
    array: MpiArray;
    /** @default 'sum' */ operation?: Operation;
    /** @default 0 */ root?: number;
  }): void {
    const { functions, world, type, handles } = this.#calls.open(array);
    this.#calls.requireRank(root);
    const how = this.#calls.operation(operation);
    // MPICH 4.0 reads the mark for "in place" as an address where the root is not rank 0: there it gets a copy.
    const copy = this.implementation.kind === 'mpich' && root !== 0 && this.rank === root ? array.slice() : array;
    const from = (piece: MpiArray) => {
      if (this.rank !== root) return piece;
      if (copy === array) return handles.inPlace;
      const offset = (piece.byteOffset - array.byteOffset) / array.BYTES_PER_ELEMENT;
      return copy.subarray(offset, offset + piece.length);
    };
    const into = (piece: MpiArray) => (this.rank === root ? piece : null);
    this.#calls.each(
      [array],
      (piece) => functions.Reduce(from(piece), into(piece), piece.length, type, how, root, world),
      (piece, _index, request) =>
        functions.Ireduce(from(piece), into(piece), piece.length, type, how, root, world, request),
    );
  }

  /** Puts all arrays together, element by element, in everyone's. The order of a sum is MPI's. */
  allReduce({ array, operation = 'sum' }: { array: MpiArray; /** @default 'sum' */ operation?: Operation }): void {
    const { functions, world, type, handles } = this.#calls.open(array);
    const how = this.#calls.operation(operation);
    this.#calls.each(
      [array],
      (piece) => functions.Allreduce(handles.inPlace, piece, piece.length, type, how, world),
      this.#allReducing({ array, operation }),
    );
  }

  /** The same, without waiting: the array must be left alone until it is done. */
  startAllReduce({
    array,
    operation = 'sum',
  }: {
    array: MpiArray;
    /** @default 'sum' */ operation?: Operation;
  }): Pending {
    return this.#calls.start(inPieces(array, this.#pieceBytes), this.#allReducing({ array, operation }));
  }

  /**
   * Puts all arrays `[size · n]` together; each keeps one part.
   *
   * @returns this process's part `[n]`, which lies at the beginning of the array; the rest of it is undefined
   */
  reduceScatter<A extends MpiArray>({
    array,
    operation = 'sum',
  }: {
    array: A;
    /** @default 'sum' */ operation?: Operation;
  }): A {
    const { functions, world, type, handles } = this.#calls.open(array);
    const how = this.#calls.operation(operation);
    const length = this.#calls.partOf(array);
    const own = array.subarray(0, length) as A;
    if (array.byteLength > this.#pieceBytes) {
      for (let root = 0; root < this.size; root++)
        this.reduce({ array: array.subarray(root * length, (root + 1) * length), operation, root });
      (array as Float32Array).copyWithin(0, this.rank * length, (this.rank + 1) * length);
      return own;
    }
    this.#calls.each(
      [array],
      () => functions.Reduce_scatter_block(handles.inPlace, array, length, type, how, world),
      (_piece, _index, request) =>
        functions.Ireduce_scatter_block(handles.inPlace, array, length, type, how, world, request),
    );
    return own;
  }

  /** Gives everyone everyone's part: in `[size · n]`, where each process has filled part `rank`. */
  allGather({ array }: { array: MpiArray }): void {
    const { functions, world, type, handles } = this.#calls.open(array);
    const length = this.#calls.partOf(array);
    if (array.byteLength > this.#pieceBytes) {
      for (let root = 0; root < this.size; root++)
        this.broadcast({ array: array.subarray(root * length, (root + 1) * length), root });
      return;
    }
    this.#calls.each(
      [array],
      () => functions.Allgather(handles.inPlace, 0, type, array, length, type, world),
      (_piece, _index, request) => functions.Iallgather(handles.inPlace, 0, type, array, length, type, world, request),
    );
  }

  /** The same, without waiting: the array, of `pieceBytes` at most, must be left alone until it is done. */
  startAllGather({ array }: { array: MpiArray }): Pending {
    const { functions, world, type, handles } = this.#calls.open(array);
    const length = this.#calls.partOf(array);
    if (array.byteLength > this.#pieceBytes)
      throw invalid(
        `startAllGather takes up to ${this.#pieceBytes} bytes, got ${array.byteLength}; allGather takes more`,
      );
    return this.#calls.start([array], (_array, _index, request) =>
      functions.Iallgather(handles.inPlace, 0, type, array, length, type, world, request),
    );
  }

  /** Brings everyone's part `[n]` to the root, one after the other. */
  gather<A extends MpiArray>({
    part,
    into,
    root = 0,
  }: {
    part: A;
    /** `[size · n]`, at the root only. */ into?: A;
    /** @default 0 */ root?: number;
  }): void {
    const { functions, world, type } = this.#calls.open(part);
    this.#calls.requireRank(root);
    const here = this.rank === root;
    if (here && (into?.length !== this.size * part.length || elementTypeOf(into) !== elementTypeOf(part)))
      throw invalid(
        `gather needs an \`into\` of ${this.size} · ${part.length} elements of the part's type at the root`,
      );
    if (part.byteLength * this.size > this.#pieceBytes) {
      const messages: Message[] = here ? [] : [{ send: part, to: root }];
      for (let from = 0; here && from < this.size; from++) {
        const place = into!.subarray(from * part.length, (from + 1) * part.length);
        if (from === root) (place as Float32Array).set(part as Float32Array);
        else messages.push({ receive: place, from });
      }
      this.startMessages({ messages }).wait();
      return;
    }
    // Where the root's part lies in its place already a second pointer to it would not be allowed.
    const own = here ? (part.slice() as A) : part;
    const target = here ? into! : null;
    this.#calls.each(
      [own],
      () => functions.Gather(own, own.length, type, target, own.length, type, root, world),
      (_piece, _index, request) =>
        functions.Igather(own, own.length, type, target, own.length, type, root, world, request),
    );
  }

  /** Sends an array to one process, which receives it. */
  send({ array, to, tag = WORLD_TAG }: { array: MpiArray; to: number; /** @default 0 */ tag?: number }): void {
    const { functions, world, type } = this.#calls.open(array);
    this.#calls.requireRank(to);
    this.#calls.each(
      [array],
      (piece) => functions.Send(piece, piece.length, type, to, tag, world),
      (piece, _index, request) => functions.Isend(piece, piece.length, type, to, tag, world, request),
    );
  }

  /** Receives an array of this length from one process. */
  receive({ array, from, tag = WORLD_TAG }: { array: MpiArray; from: number; /** @default 0 */ tag?: number }): void {
    const { functions, world, type, handles } = this.#calls.open(array);
    this.#calls.requireRank(from);
    this.#calls.each(
      [array],
      (piece) => functions.Recv(piece, piece.length, type, from, tag, world, handles.ignoreStatus),
      (piece, _index, request) => functions.Irecv(piece, piece.length, type, from, tag, world, request),
    );
  }

  /**
   * Starts several messages at once; those of one tag between two processes arrive in their order. The arrays must be left
   * alone until all are done.
   */
  startMessages({ messages }: { messages: readonly Message[] }): Pending {
    const pieces = messages.flatMap((message) =>
      inPieces('send' in message ? message.send : message.receive, this.#pieceBytes).map((array) => ({
        ...message,
        array,
      })),
    );
    for (const message of messages) this.#calls.requireRank('send' in message ? message.to : message.from);
    const { functions, world, handles } = this.#calls.open();
    return this.#calls.start(
      pieces.map(({ array }) => array),
      (array, index, request) => {
        const message = pieces[index]!;
        const type = handles.types[elementTypeOf(array)];
        const { tag = WORLD_TAG } = message;
        return 'send' in message
          ? functions.Isend(array, array.length, type, message.to, tag, world, request)
          : functions.Irecv(array, array.length, type, message.from, tag, world, request);
      },
    );
  }

  /** Ends all processes of the job at once, without a word: after an error that the others cannot know of. */
  abort({ code = 1 }: { /** Exit code. @default 1 */ code?: number } = {}): void {
    this.#calls.abort(code);
  }

  /** Ends MPI; waits for the others. After a failed call it ends the job instead, since there is no way back. */
  close(): Promise<void> {
    return this.#calls.close();
  }

  #allReducing({ array, operation }: { array: MpiArray; operation: Operation }) {
    const { functions, world, type, handles } = this.#calls.open(array);
    const how = this.#calls.operation(operation);
    return (piece: MpiArray, _index: number, request: Int32Array | BigInt64Array) =>
      functions.Iallreduce(handles.inPlace, piece, piece.length, type, how, world, request);
  }
}
