/** A line of `log.jsonl`: the step, its phase, loss, learning rate and other measures. A measure that was not finite is null. */
export interface RunLogEntry {
  /** Steps done, from 1. */
  step: number;
  [measure: string]: unknown;
}

/** What a logger is told at the start of a session of a run. */
export interface RunLoggerStart {
  /** The run's folder. */
  folder: string;
  /** The run's resolved configuration. */
  configuration: Readonly<Record<string, unknown>>;
  /**
   * The lines that the log holds already: those of earlier sessions up to the checkpoint that this one resumes from, and
   * perhaps the first of this one. A logger that keeps lines by itself makes what it has agree with them: what it has
   * beyond them belongs to steps that are done again.
   */
  entries: readonly RunLogEntry[];
}

/**
 * A destination for a training run's log besides `log.jsonl`, which holds everything. A logger that throws, rejects
 * or does not answer is left out for the rest of the session; the run goes on, and never waits for it at its end beyond
 * some seconds.
 */
export interface RunLogger {
  /** For messages, such as `tensorboard`. */
  readonly name: string;
  start(start: RunLoggerStart): void | Promise<void>;
  /** A further line, in order, each once. */
  log(entry: RunLogEntry): void | Promise<void>;
  /** The session ends: `stopped` runs can be resumed, `failed` ones have thrown. */
  finish(end: { status: 'finished' | 'stopped' | 'failed' }): void | Promise<void>;
  /** Frees what the logger holds, at the end or when it is left out. @default nothing is held */
  dispose?(): void | Promise<void>;
}

/** The measures of a line that are numbers, by name; null, which stands for what was not finite, becomes NaN. */
export function measuresOf({ step: _step, ...measures }: RunLogEntry): Record<string, number> {
  return Object.fromEntries(
    Object.entries(measures).flatMap(([name, value]): [string, number][] => {
      if (value === null) return [[name, NaN]];
      if (typeof value === 'boolean') return [[name, Number(value)]];
      return typeof value === 'number' ? [[name, value]] : [];
    }),
  );
}
