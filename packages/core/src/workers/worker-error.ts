import { SubtextError } from '../subtext-error';

/** What went wrong in worker threads. */
export type WorkerErrorCode =
  /** A worker could not start, failed in a call, or ended early. */
  | 'worker-failed'
  /** A worker's engine has no memory left. */
  | 'out-of-memory';

/** A worker thread that failed: with the worker's own message. */
export class WorkerError extends SubtextError<WorkerErrorCode> {
  override readonly name = 'WorkerError';

  static override isInstance(error: unknown): error is WorkerError {
    return SubtextError.isInstance(error) && error.name === 'WorkerError';
  }
}
