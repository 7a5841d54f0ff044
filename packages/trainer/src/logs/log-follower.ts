import { open } from 'node:fs/promises';
import { join } from 'node:path';

import type { RunLogEntry, RunLogger, RunLoggerStart } from './run-logger';

/** Milliseconds between looks at the log. */
const INTERVAL = 1_000;

/** Tells loggers of the lines of a run's `log.jsonl` as they come. */
export interface LogFollower {
  /** To be called at every step; the first call says that the log has been opened and cut to its checkpoint. */
  step(): void;
  /** Tells the rest and ends. */
  finish(end: { status: 'finished' | 'stopped' | 'failed' }): Promise<void>;
}

/**
 * Follows the log of a run that trains in this process. The log on disk is what counts: loggers see the lines that a
 * reader of the file sees, each once and in order, and those of earlier sessions at their start.
 */
export function followLog({
  loggers,
  folder,
  configuration,
  onNotice,
}: {
  loggers: readonly RunLogger[];
  /** Told of a logger that failed and is left out. */
  onNotice?: (notice: string) => void;
} & Omit<RunLoggerStart, 'entries'>): LogFollower {
  const path = join(folder, 'log.jsonl');
  let active = [...loggers];
  let started = false;
  let offset = 0;
  let lastLook = 0;
  let work: Promise<void> = Promise.resolve();

  /** Tells every logger; one that throws is told nothing more. */
  const tell = async (call: (logger: RunLogger) => void | Promise<void>): Promise<void> => {
    for (const logger of active) {
      try {
        await call(logger);
      } catch (error) {
        active = active.filter((other) => other !== logger);
        onNotice?.(`The log "${logger.name}" failed and is left out: ${error instanceof Error ? error.message : String(error)} The run goes on; log.jsonl has every line.`);
      }
    }
  };

  const look = async (): Promise<void> => {
    const read = await readFrom({ path, offset });
    // A line is whole once its end is there.
    const whole = read.subarray(0, read.lastIndexOf('\n') + 1);
    offset += whole.byteLength;
    const entries = whole.toString('utf8').split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as RunLogEntry]));
    if (!started) {
      started = true;
      await tell((logger) => logger.start({ folder, configuration, entries }));
      return;
    }
    for (const entry of entries) await tell((logger) => logger.log(entry));
  };

  const queue = (task: () => Promise<void>): Promise<void> => {
    work = work.then(task).catch((error: unknown) => {
      active = [];
      onNotice?.(`Further logs are left out: ${path} cannot be followed (${error instanceof Error ? error.message : String(error)}).`);
    });
    return work;
  };

  return {
    step() {
      const now = performance.now();
      if (active.length === 0 || (started && now - lastLook < INTERVAL)) return;
      lastLook = now;
      void queue(look);
    },
    async finish(end) {
      // A run that failed before its first step may not hold the folder: another run's log is none of its business.
      if (active.length > 0 && (started || end.status !== 'failed')) await queue(look);
      await work;
      if (started) await tell((logger) => logger.finish(end));
    },
  };
}

/** What a file holds from a place on; nothing where there is no file. */
async function readFrom({ path, offset }: { path: string; offset: number }): Promise<Buffer> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!handle) return Buffer.alloc(0);
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.max(0, size - offset));
    const { bytesRead } = await handle.read(bytes, 0, bytes.byteLength, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
