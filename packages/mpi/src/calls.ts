import { setTimeout as sleep } from 'node:timers/promises';

import { type MpiArray, elementTypeOf, inPieces } from './arrays';
import { MpiError } from './errors';
import { type Handle, type Operation, operations } from './handles';
import type { MpiLibrary } from './library';
import { type Pending, Requests } from './pending';
import { watched } from './watch';
import { whoIsMissing } from './who-is-missing';

/** What a connection is made of; see `openMpi`. */
export interface MpiParts {
  loaded: MpiLibrary;
  rank: number;
  size: number;
  deadlineSeconds: number;
  pieceBytes: number;
}

/** How long messages are moved on once all are done, before MPI ends, in milliseconds. */
const SETTLING_MILLISECONDS = 100;

/** What a call is given. */
interface CallParts {
  functions: MpiLibrary['functions'];
  handles: MpiLibrary['handles'];
  world: Handle;
}

/** Starts one request; gives what MPI gave. */
export type Start = (piece: MpiArray, index: number, request: Int32Array | BigInt64Array) => number;

/** How calls of MPI are made: checked, in pieces, with a deadline where there is one. */
export class Calls {
  readonly parts: MpiParts;
  #state: 'open' | 'closed' | 'failed' = 'open';

  constructor(parts: MpiParts) {
    this.parts = parts;
  }

  /** Carries out a call for each piece of arrays: blocking where there is no deadline. */
  each(arrays: MpiArray[], block: (piece: MpiArray) => number, start: Start): void {
    const [array] = arrays;
    // Most calls: nothing is made for them, since a call of a few microseconds would feel it.
    if (array && arrays.length === 1 && this.parts.deadlineSeconds === 0 && array.byteLength <= this.parts.pieceBytes)
      return this.#check(block(array));
    const pieces = arrays.flatMap((array) => inPieces(array, this.parts.pieceBytes));
    if (this.parts.deadlineSeconds === 0) for (const piece of pieces) this.#check(block(piece));
    else this.start(pieces, start).wait();
  }

  /** Starts a request for each array. */
  start(arrays: MpiArray[], start: Start): Pending {
    return new Requests({
      library: this.parts.loaded,
      arrays,
      start,
      check: (result) => this.#check(result),
      deadlineSeconds: this.parts.deadlineSeconds,
      expired: () => this.#expired(),
    });
  }

  #expired(): MpiError {
    const missing = whoIsMissing({ library: this.parts.loaded, rank: this.parts.rank, size: this.parts.size });
    this.#state = 'failed';
    const who =
      missing.length > 0
        ? `${missing.length === 1 ? 'Rank' : 'Ranks'} ${missing.join(', ')} did not answer`
        : 'All ranks answer, but not all have arrived';
    return new MpiError({
      code: 'timed-out',
      message: `Rank ${this.parts.rank} has waited ${this.parts.deadlineSeconds} s for the others. ${who}: ended, stopped, cut off, or busy for longer than the deadline.`,
    });
  }

  /** What a call is made with. @throws MpiError `closed`, `invalid-option` */
  open(): CallParts;
  open(array: MpiArray): CallParts & { type: Handle };
  open(array?: MpiArray) {
    if (this.#state !== 'open')
      throw new MpiError({
        code: 'closed',
        message: this.#state === 'closed' ? 'MPI has been closed.' : 'A call of MPI has failed: the job cannot go on.',
      });
    const { functions, handles } = this.parts.loaded;
    return { functions, handles, world: handles.world, ...(array && { type: handles.types[elementTypeOf(array)] }) };
  }

  #check(result: number): void {
    if (result === 0) return;
    this.#state = 'failed';
    const text = new Uint8Array(1024);
    this.parts.loaded.functions.Error_string(result, text, new Int32Array(1));
    throw new MpiError({
      code: 'mpi-failed',
      message: `MPI reports on rank ${this.parts.rank}: ${new TextDecoder().decode(text.subarray(0, text.indexOf(0)))}. Arrays must have the same type and length on all ranks.`,
    });
  }

  operation(operation: Operation): Handle {
    if (operations.includes(operation)) return this.parts.loaded.handles.operations[operation];
    throw invalid(`operation is one of ${operations.join(', ')}, got ${String(operation)}`);
  }

  requireRank(rank: number): void {
    if (!Number.isInteger(rank) || rank < 0 || rank >= this.parts.size)
      throw invalid(`ranks are 0 to ${this.parts.size - 1}, got ${rank}`);
  }

  partOf(array: MpiArray): number {
    if (array.length % this.parts.size !== 0)
      throw invalid(`an array of ${array.length} elements has no ${this.parts.size} parts of one length`);
    return array.length / this.parts.size;
  }

  /** Ends all processes of the job. */
  abort(code: number): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    const { functions, handles } = this.parts.loaded;
    functions.Abort(handles.world, code);
  }

  /** Waits until all are here. */
  barrier(): void {
    const { functions, world } = this.open();
    this.each(
      [new Uint8Array(1)],
      () => functions.Barrier(world),
      (_mark, _index, request) => functions.Ibarrier(world, request),
    );
  }

  /** Ends MPI, or after a failure the job. @throws MpiError `timed-out`: others do not come to their end */
  async close(): Promise<void> {
    if (this.#state === 'failed') this.abort(1);
    if (this.#state === 'closed') return;
    if (this.parts.size > 1) {
      this.barrier();
      await this.#settle();
    }
    this.#state = 'closed';
    const { deadlineSeconds, loaded } = this.parts;
    await watched({ what: 'The end of MPI', deadlineSeconds, action: () => loaded.functions.Finalize() });
  }

  /**
   * Moves on what MPI has taken over but not sent yet: UCX, by which MPICH sends, closes its TCP connections before it looks
   * whether anything waits for them, and then waits for ever (openucx/ucx#8738; 3 of 16 jobs of six processes on three hosts).
   */
  async #settle(): Promise<void> {
    const { functions, handles } = this.parts.loaded;
    const other = (this.parts.rank + 1) % this.parts.size;
    const found = new Int32Array(1);
    for (const until = performance.now() + SETTLING_MILLISECONDS; performance.now() < until; await sleep(1))
      functions.Iprobe(other, 0, handles.world, found, handles.ignoreStatus);
  }
}

/** The error of a wrong option. */
export function invalid(message: string): MpiError {
  return new MpiError({ code: 'invalid-option', message: `MPI: ${message}.` });
}
