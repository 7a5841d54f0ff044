/** Start options of a worker. */
export interface WorkerStart {
  /** URL of the module whose `createWorkerTask` creates the worker's functions. */
  module: string;
  /** Passed to `createWorkerTask`; must be cloneable. */
  options: unknown;
}

/** A module that a worker can run. */
export interface WorkerTaskModule<Options = unknown> {
  createWorkerTask(options: Options): Promise<Record<string, (payload: never) => unknown>>;
}

export interface WorkerCall {
  id: number;
  method: string;
  payload: unknown;
}

/** The first message has id 0: the worker is ready, or could not start. */
export type WorkerAnswer =
  { id: number; result: unknown } | { id: number; error: { message: string; code?: string; stack?: string } };
