import { open } from 'node:fs/promises';
import { join } from 'node:path';

import type { RunLogEntry, RunLogger, RunLoggerStart } from './run-logger';

/** Milliseconds between looks at the log. */
const INTERVAL = 1_000;

/** Milliseconds that a logger may take for one call while the training goes on beside it. */
const PATIENCE = { start: 120_000, log: 30_000 };

/** Milliseconds that all loggers together may take once the training has ended. */
const LAST_PATIENCE = 5_000;

/** Bytes of the log that are looked at in one piece. */
const PIECE = 4 * 2 ** 20;

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
  let looking = false;
  let work: Promise<void> = Promise.resolve();

  const leaveOut = (logger: RunLogger, reason: string): void => {
    if (!active.includes(logger)) return;
    active = active.filter((other) => other !== logger);
    onNotice?.(
      `The log "${logger.name}" failed and is left out: ${reason.replace(/\.?$/, '.')} The run continues; log.jsonl has every line.`,
    );
    void Promise.resolve(logger.dispose?.()).catch(() => undefined);
  };

  /** Tells every logger side by side; one that throws, rejects or does not answer is told nothing more. */
  const tell = async ({
    call,
    milliseconds,
  }: {
    call: (logger: RunLogger) => void | Promise<void>;
    milliseconds: number;
  }): Promise<void> => {
    await Promise.all(
      active.map(async (logger) => {
        let timer: NodeJS.Timeout | undefined;
        try {
          const late = new Promise<never>((_, reject) => {
            timer = setTimeout(
              () => reject(new Error(`it did not answer within ${milliseconds / 1000} seconds`)),
              milliseconds,
            );
          });
          await Promise.race([(async () => call(logger))(), late]);
        } catch (error) {
          leaveOut(logger, error instanceof Error ? error.message : String(error));
        } finally {
          clearTimeout(timer);
        }
      }),
    );
  };

  /** Reads what the log has gained, line by line; the lines that are there before the start are told with it. */
  const look = async (): Promise<void> => {
    const earlier: RunLogEntry[] = [];
    for (;;) {
      const read = await readFrom({ path, offset });
      // A line is whole once its end is there.
      const whole = read.subarray(0, read.lastIndexOf('\n') + 1);
      if (whole.byteLength === 0) break;
      offset += whole.byteLength;
      const entries = whole
        .toString('utf8')
        .split('\n')
        .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as RunLogEntry]));
      if (!started) for (const entry of entries) earlier.push(entry);
      else
        for (const entry of entries)
          if (active.length > 0) await tell({ call: (logger) => logger.log(entry), milliseconds: PATIENCE.log });
      if (read.byteLength < PIECE) break;
    }
    if (started) return;
    started = true;
    await tell({
      call: (logger) => logger.start({ folder, configuration, entries: earlier }),
      milliseconds: PATIENCE.start,
    });
  };

  const queue = (task: () => Promise<void>): Promise<void> => {
    work = work.then(task).catch((error: unknown) => {
      active = [];
      onNotice?.(
        `Further logs are left out: ${path} cannot be followed (${error instanceof Error ? error.message : String(error)}).`,
      );
    });
    return work;
  };

  return {
    step() {
      const now = performance.now();
      if (active.length === 0 || looking || (started && now - lastLook < INTERVAL)) return;
      lastLook = now;
      looking = true;
      void queue(look).finally(() => {
        looking = false;
      });
    },
    async finish(end) {
      const last = async (): Promise<void> => {
        // A run that failed before its first step may not hold the folder: another run's log is none of its business.
        if (active.length > 0 && (started || end.status !== 'failed')) await queue(look);
        await work;
        if (started) await tell({ call: (logger) => logger.finish(end), milliseconds: LAST_PATIENCE });
        for (const logger of active) await logger.dispose?.();
      };
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), LAST_PATIENCE);
      });
      const outcome = await Promise.race([last().catch(() => undefined), late]);
      clearTimeout(timer);
      // `active` may be waited for one by one: which of them holds the others up is not known.
      if (outcome === 'late')
        for (const logger of active)
          leaveOut(logger, `it was not done ${LAST_PATIENCE / 1000} seconds after the training had ended`);
    },
  };
}

/** A piece of what a file holds from a place on; nothing where there is no file. */
async function readFrom({ path, offset }: { path: string; offset: number }): Promise<Buffer> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!handle) return Buffer.alloc(0);
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.max(0, Math.min(PIECE, size - offset)));
    const { bytesRead } = await handle.read(bytes, 0, bytes.byteLength, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
