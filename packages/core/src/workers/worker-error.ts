import { SubtextError } from '../subtext-error';

/** Why a worker thread failed. */
export type WorkerErrorCode =
  /** A worker could not start, failed in a call, or exited early. */
  | 'worker-failed'
  /** A worker's engine ran out of memory. */
  | 'out-of-memory';

/** The failure of a worker thread, with the worker's message. */
export class WorkerError extends SubtextError<WorkerErrorCode> {
  override readonly name = 'WorkerError';

  static override isInstance(error: unknown): error is WorkerError {
    return SubtextError.isInstance(error) && error.name === 'WorkerError';
  }
}
