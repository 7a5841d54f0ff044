import { setTimeout as sleep } from 'node:timers/promises';

import { type MpiArray, elementTypeOf, inPieces } from './arrays';
import { MpiError } from './errors';
import { type Handle, type Operation, operations } from './handles';
import type { MpiLibrary } from './library';
import { type Pending, Requests } from './pending';
import { watched } from './watch';
import { whoIsMissing } from './who-is-missing';

/** Parts of a connection, see `openMpi`. */
export interface MpiParts {
  loaded: MpiLibrary;
  rank: number;
  size: number;
  deadlineSeconds: number;
  pieceBytes: number;
}

/** Time for which MPI keeps progressing before it is finalized, in milliseconds. */
const SETTLING_MILLISECONDS = 100;

/** Arguments of a call. */
interface CallParts {
  functions: MpiLibrary['functions'];
  handles: MpiLibrary['handles'];
  world: Handle;
}

/** Starts one request and returns MPI's result code. */
export type Start = (piece: MpiArray, index: number, request: Int32Array | BigInt64Array) => number;

/** Makes MPI calls: validated, in pieces, with an optional deadline. */
export class Calls {
  readonly parts: MpiParts;
  #state: 'open' | 'closed' | 'failed' = 'open';

  constructor(parts: MpiParts) {
    this.parts = parts;
  }

  /** Makes a call for each piece of the arrays; blocking if there is no deadline. */
  each(arrays: MpiArray[], block: (piece: MpiArray) => number, start: Start): void {
    const [array] = arrays;
    // The common case allocates nothing, since a call takes only a few microseconds.
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

  /** Arguments for a call. @throws MpiError `closed`, `invalid-option` */
  open(): CallParts;
  open(array: MpiArray): CallParts & { type: Handle };
  open(array?: MpiArray) {
    if (this.#state !== 'open')
      throw new MpiError({
        code: 'closed',
        message: this.#state === 'closed' ? 'MPI has been closed.' : 'An MPI call has failed: the job cannot continue.',
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
    throw invalid(`operation must be one of ${operations.join(', ')}, got ${String(operation)}`);
  }

  requireRank(rank: number): void {
    if (!Number.isInteger(rank) || rank < 0 || rank >= this.parts.size)
      throw invalid(`rank must be 0 to ${this.parts.size - 1}, got ${rank}`);
  }

  partOf(array: MpiArray): number {
    if (array.length % this.parts.size !== 0)
      throw invalid(`an array of ${array.length} elements cannot be split into ${this.parts.size} equal parts`);
    return array.length / this.parts.size;
  }

  /** Terminates all processes of the job. */
  abort(code: number): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    const { functions, handles } = this.parts.loaded;
    functions.Abort(handles.world, code);
  }

  /** Waits until all processes arrive. */
  barrier(): void {
    const { functions, world } = this.open();
    this.each(
      [new Uint8Array(1)],
      () => functions.Barrier(world),
      (_mark, _index, request) => functions.Ibarrier(world, request),
    );
  }

  /** Finalizes MPI, or after a failure terminates the job. @throws MpiError `timed-out` if other processes do not finish */
  async close(): Promise<void> {
    if (this.#state === 'failed') this.abort(1);
    if (this.#state === 'closed') return;
    if (this.parts.size > 1) {
      this.barrier();
      await this.#settle();
    }
    this.#state = 'closed';
    const { deadlineSeconds, loaded } = this.parts;
    await watched({ what: 'Finalizing MPI', deadlineSeconds, action: () => loaded.functions.Finalize() });
  }

  /**
   * Lets MPI send what it has buffered. UCX, which MPICH uses, closes its TCP connections before checking whether anything
   * still waits for them, and then hangs (openucx/ucx#8738; 3 of 16 jobs of six processes on three hosts).
   */
  async #settle(): Promise<void> {
    const { functions, handles } = this.parts.loaded;
    const other = (this.parts.rank + 1) % this.parts.size;
    const found = new Int32Array(1);
    for (const until = performance.now() + SETTLING_MILLISECONDS; performance.now() < until; await sleep(1))
      functions.Iprobe(other, 0, handles.world, found, handles.ignoreStatus);
  }
}

/** The error for an invalid option. */
export function invalid(message: string): MpiError {
  return new MpiError({ code: 'invalid-option', message: `MPI: ${message}.` });
}
