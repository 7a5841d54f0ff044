import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { MpiError } from './errors';
import type { MpiArray } from './arrays';
import type { MpiLibrary } from './library';

/** Tests in a row before the time is looked at. */
const BURST = 64;
/** How long a wait only tests, before it sleeps between tests: the others are computing, perhaps on this processor. */
const EAGER_MILLISECONDS = 20;
const NAP_MILLISECONDS = 0.2;

/** What MPI may still write to after a call of it failed: freed, it would write into what came to lie there. */
const abandoned: unknown[] = [];

const nap = new Int32Array(new SharedArrayBuffer(4));

/** What is under way. MPI moves it on while one of these functions, or another call of MPI, runs. */
export interface Pending {
  /** Moves it on; whether it is done. @throws MpiError `mpi-failed` */
  done(): boolean;
  /** Blocks until it is done. @throws MpiError `mpi-failed`, `timed-out` */
  wait(): void;
  /** Waits with the event loop running. @throws MpiError `mpi-failed`, `timed-out` */
  finished(): Promise<void>;
}

/** Requests of MPI that end together. */
export class Requests implements Pending {
  readonly #library: MpiLibrary;
  readonly #handles: Int32Array | BigInt64Array;
  /** What MPI reads and writes must live as long as the requests. */
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
    /** One request each. */
    arrays: MpiArray[];
    /** Starts the request of an array; gives what MPI gave. */
    start: (array: MpiArray, index: number, request: Int32Array | BigInt64Array) => number;
    /** Throws where MPI reports an error. */
    check: (result: number) => void;
    /** 0: none. */
    deadlineSeconds: number;
    /** The error where the deadline is over. */
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

  /** Tests a few times; throws where the deadline is over. */
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
