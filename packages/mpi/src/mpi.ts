import { type MpiArray, elementTypeOf, inPieces } from './arrays';
import { Calls, invalid, type MpiParts } from './calls';
import type { Operation } from './handles';
import type { MpiLibrary } from './library';
import type { Pending } from './pending';

/** One message to send or receive. */
export type Message = ({ send: MpiArray; to: number } | { receive: MpiArray; from: number }) & {
  /** Tag, which must match on both sides. @default 0 */ tag?: number;
};

const WORLD_TAG = 0;

/**
 * Communicator of all processes started together by a launcher. Every process must call the same collectives in the same
 * order, with arrays of the same length and type. All calls work in place, on memory of any kind. Methods throw MpiError
 * `invalid-option`, `mpi-failed`, `closed` and, if there is a deadline, `timed-out`.
 */
export class Mpi {
  /** Rank of this process, from 0. */
  readonly rank: number;
  /** Number of processes. */
  readonly size: number;
  /** The MPI implementation: its ABI, version string and library file. */
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

  /** Waits until all processes arrive. */
  barrier(): void {
    this.#calls.barrier();
  }

  /** Broadcasts the root's array to all processes. */
  broadcast({ array, root = 0 }: { array: MpiArray; /** @default 0 */ root?: number }): void {
    const { functions, world, type } = this.#calls.open(array);
    this.#calls.requireRank(root);
    this.#calls.each(
      [array],
      (piece) => functions.Bcast(piece, piece.length, type, root, world),
      (piece, _index, request) => functions.Ibcast(piece, piece.length, type, root, world, request),
    );
  }

  /** Non-blocking {@link Mpi.broadcast}: do not touch the array until it is done. */
  startBroadcast({ array, root = 0 }: { array: MpiArray; /** @default 0 */ root?: number }): Pending {
    const { functions, world, type } = this.#calls.open(array);
    this.#calls.requireRank(root);
    return this.#calls.start(inPieces(array, this.#pieceBytes), (piece, _index, request) =>
      functions.Ibcast(piece, piece.length, type, root, world, request),
    );
  }

  /** Reduces all arrays element-wise into the root's; the other arrays are unchanged. */
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
    // MPICH 4.0 treats MPI_IN_PLACE as an address if the root is not rank 0, so it gets a copy.
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

  /** Reduces all arrays element-wise, on every process. MPI determines the order of summation. */
  allReduce({ array, operation = 'sum' }: { array: MpiArray; /** @default 'sum' */ operation?: Operation }): void {
    const { functions, world, type, handles } = this.#calls.open(array);
    const how = this.#calls.operation(operation);
    this.#calls.each(
      [array],
      (piece) => functions.Allreduce(handles.inPlace, piece, piece.length, type, how, world),
      this.#allReducing({ array, operation }),
    );
  }

  /** Non-blocking {@link Mpi.allReduce}: do not touch the array until it is done. */
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
   * Reduces all arrays `[size · n]` element-wise; each process keeps one part.
   *
   * @returns this process's part `[n]`, a view of the start of the array; the rest of the array is undefined
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

  /** All-gather in place: `array` is `[size · n]`, of which each process has filled part `rank`. */
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

  /** Non-blocking {@link Mpi.allGather} of at most `pieceBytes`: do not touch the array until it is done. */
  startAllGather({ array }: { array: MpiArray }): Pending {
    const { functions, world, type, handles } = this.#calls.open(array);
    const length = this.#calls.partOf(array);
    if (array.byteLength > this.#pieceBytes)
      throw invalid(
        `startAllGather supports up to ${this.#pieceBytes} bytes, got ${array.byteLength}; use allGather for more`,
      );
    return this.#calls.start([array], (_array, _index, request) =>
      functions.Iallgather(handles.inPlace, 0, type, array, length, type, world, request),
    );
  }

  /** Gathers every process's part `[n]` at the root, in order of rank. */
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
    // MPI forbids aliased buffers, so the root's part is copied in case it is already in place.
    const own = here ? (part.slice() as A) : part;
    const target = here ? into! : null;
    this.#calls.each(
      [own],
      () => functions.Gather(own, own.length, type, target, own.length, type, root, world),
      (_piece, _index, request) =>
        functions.Igather(own, own.length, type, target, own.length, type, root, world, request),
    );
  }

  /** Sends an array to one process, which must receive it. */
  send({ array, to, tag = WORLD_TAG }: { array: MpiArray; to: number; /** @default 0 */ tag?: number }): void {
    const { functions, world, type } = this.#calls.open(array);
    this.#calls.requireRank(to);
    this.#calls.each(
      [array],
      (piece) => functions.Send(piece, piece.length, type, to, tag, world),
      (piece, _index, request) => functions.Isend(piece, piece.length, type, to, tag, world, request),
    );
  }

  /** Receives an array of the same length from one process. */
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
   * Starts several messages at once; messages with the same tag between two processes arrive in order. Do not touch the arrays
   * until all are done.
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

  /** Terminates all processes of the job immediately, after an error that the others cannot know about. */
  abort({ code = 1 }: { /** Exit code. @default 1 */ code?: number } = {}): void {
    this.#calls.abort(code);
  }

  /** Finalizes MPI, waiting for the other processes. After a failed call it terminates the job, since MPI cannot recover. */
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
