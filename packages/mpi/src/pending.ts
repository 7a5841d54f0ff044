import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { MpiError } from './errors';
import type { MpiArray } from './arrays';
import type { MpiLibrary } from './library';

/** Tests in a row between checks of the clock. */
const BURST = 64;
/** Busy-waiting time before a wait sleeps between tests: other processes may need this CPU. */
const EAGER_MILLISECONDS = 20;
const NAP_MILLISECONDS = 0.2;

/** Buffers that MPI may still write to after a failed call, kept alive so that their memory is not reused. */
const abandoned: unknown[] = [];

const nap = new Int32Array(new SharedArrayBuffer(4));

/** An operation in progress. MPI makes progress only during these functions or other MPI calls. */
export interface Pending {
  /** Makes progress and returns whether it is done. @throws MpiError `mpi-failed` */
  done(): boolean;
  /** Blocks until it is done. @throws MpiError `mpi-failed`, `timed-out` */
  wait(): void;
  /** Waits without blocking the event loop. @throws MpiError `mpi-failed`, `timed-out` */
  finished(): Promise<void>;
}

/** MPI requests that are awaited together. */
export class Requests implements Pending {
  readonly #library: MpiLibrary;
  readonly #handles: Int32Array | BigInt64Array;
  /** Keeps the buffers alive as long as the requests. */
  #alive: unknown;
  readonly #flag = new Int32Array(1);
  readonly #check: (result: number) => void;
  readonly #expired: () => MpiError;
  readonly #deadline: number;
  #done = false;

  constructor({
    library,
    arrays,
    start,
    check,
    deadlineSeconds,
    expired,
  }: {
    library: MpiLibrary;
    /** One request per array. */
    arrays: MpiArray[];
    /** Starts the request of an array and returns MPI's result code. */
    start: (array: MpiArray, index: number, request: Int32Array | BigInt64Array) => number;
    /** Throws if MPI reports an error. */
    check: (result: number) => void;
    /** 0: no deadline. */
    deadlineSeconds: number;
    /** Creates the error for an exceeded deadline. */
    expired: () => MpiError;
  }) {
    this.#library = library;
    this.#alive = [arrays, start];
    this.#check = check;
    this.#expired = expired;
    this.#deadline = deadlineSeconds > 0 ? performance.now() + deadlineSeconds * 1000 : Infinity;
    const { length } = arrays;
    this.#handles = library.handles.handleType === 'int' ? new Int32Array(length) : new BigInt64Array(length);
    for (const [index, array] of arrays.entries()) check(start(array, index, this.#handles.subarray(index, index + 1)));
  }

  done(): boolean {
    if (this.#done) return true;
    const { functions, handles } = this.#library;
    try {
      this.#check(functions.Testall(this.#handles.length, this.#handles, this.#flag, handles.ignoreStatus));
    } catch (error) {
      abandoned.push(this.#alive, this.#handles);
      throw error;
    }
    if (this.#flag[0] === 0) return false;
    this.#done = true;
    this.#alive = undefined;
    return true;
  }

  /** Tests a few times; throws if the deadline is exceeded. */
  #burst(): boolean {
    for (let test = 0; test < BURST; test++) if (this.done()) return true;
    if (performance.now() > this.#deadline) {
      abandoned.push(this.#alive, this.#handles);
      throw this.#expired();
    }
    return false;
  }

  wait(): void {
    const began = performance.now();
    while (!this.#burst())
      if (performance.now() - began > EAGER_MILLISECONDS) Atomics.wait(nap, 0, 0, NAP_MILLISECONDS);
  }

  async finished(): Promise<void> {
    const began = performance.now();
    while (!this.#burst()) await (performance.now() - began > EAGER_MILLISECONDS ? sleep(1) : nextTurn());
  }
}
