/** What the thread of a user's logger is started with. */
export interface LoggerStart {
  /** The module, as an absolute path. */
  path: string;
  /** Given to its `createLogger`; must be cloneable. */
  options: Readonly<Record<string, unknown>>;
}

export interface LoggerCall {
  /** From 1. */
  id: number;
  method: 'start' | 'log' | 'finish';
  payload: unknown;
}

/** The first answer has id 0: the logger is there, by its name if it has one, or could not be made. */
export type LoggerAnswer = { id: number; name?: string } | { id: number; error: string };
