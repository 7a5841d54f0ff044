import { SubtextError } from '@subtext/core';

/** Machine-readable error codes. */
export type MpiErrorCode =
  /** No MPI library was found, or it cannot be loaded. */
  | 'no-mpi'
  /** The library is not an MPI implementation whose handles are known. */
  | 'unknown-mpi'
  /** Launcher and library belong to different MPI implementations: each process is a job of its own. */
  | 'other-launcher'
  | 'invalid-option'
  /** MPI reported an error. */
  | 'mpi-failed'
  /** The other processes did not arrive before the deadline. */
  | 'timed-out'
  /** `close` was called, or an earlier call failed. */
  | 'closed';

/** Base class of this package's errors. */
export class MpiError extends SubtextError<MpiErrorCode> {
  override readonly name = 'MpiError';

  /** True for errors of this class from any copy of the package. */
  static override isInstance(error: unknown): error is MpiError {
    return SubtextError.isInstance(error) && error.name === 'MpiError';
  }
}
