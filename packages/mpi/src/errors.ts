import { SubtextError } from '@subtext/core';

/** What went wrong, for programs; the message is for people. */
export type MpiErrorCode =
  /** There is no MPI library, or it cannot be loaded. */
  | 'no-mpi'
  /** The library is no MPI that this package knows the handles of. */
  | 'unknown-mpi'
  /** The launcher belongs to another MPI than the library: each process thinks that it is alone. */
  | 'other-launcher'
  | 'invalid-option'
  /** MPI reported an error. */
  | 'mpi-failed'
  /** The others did not arrive before the deadline. */
  | 'timed-out'
  /** `close` was called, or the call before it failed. */
  | 'closed';

/** The error of this package: what, where and what to do. */
export class MpiError extends SubtextError<MpiErrorCode> {
  override readonly name = 'MpiError';

  /** True for this package's errors, also when two copies of the package are installed. */
  static override isInstance(error: unknown): error is MpiError {
    return SubtextError.isInstance(error) && error.name === 'MpiError';
  }
}
