import { readRegularFile } from '@subtext/core/node';
import { constants } from 'node:fs';
import { mkdir, open, readdir, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { writeError } from '../checkpoint/atomic-files';
import { readEvents, scalarRecord, versionRecord } from './event-records';
import { measuresOf, type RunLogEntry, type RunLogger, type RunLoggerStart } from './run-logger';

/** The folder of the event file within a run's folder. */
const subfolder = 'tensorboard';

/**
 * Writes a run's measures to a TensorBoard event file, `RUN/tensorboard/events.out.tfevents.*`; each number of a log line
 * is a scalar with its name as the tag. Show them with `tensorboard --logdir RUN`.
 *
 * At the start the file is made to agree with the log: records of steps that the run does again are cut off, a record
 * torn by a crash too, and lines that it lacks are added. So no step stands in it twice, however often a run is stopped.
 */
export class TensorBoardLogger implements RunLogger {
  readonly name = 'tensorboard';
  #file: { path: string; handle: FileHandle; /** Where the next record goes. */ end: number } | undefined;

  async start({ folder, entries }: RunLoggerStart): Promise<void> {
    const events = join(folder, subfolder);
    let path = events;
    try {
      await mkdir(events, { recursive: true });
      const earlier = (await readdir(events)).filter((name) => name.startsWith('events.out.tfevents.')).sort()[0];
      path = join(
        events,
        earlier ??
          `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname().replace(/[^\w.-]/g, '-') || 'host'}`,
      );
      // A link is not followed: what is cut is the run's own file.
      const handle = await open(
        path,
        earlier === undefined ? 'wx+' : constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
      );
      this.#file = { path, handle, end: 0 };
      const { end, kept } = agreement({ file: await readRegularFile({ path, maximumBytes: 2 ** 31 - 1 }), entries });
      await handle.truncate(end);
      const missing = [
        ...(end === 0 ? [versionRecord({ wallTime: Date.now() / 1000 })] : []),
        ...entries.slice(kept).map(recordOf),
      ];
      if (missing.length > 0) await handle.write(Buffer.concat(missing), 0, null, end);
      this.#file.end = end + missing.reduce((sum, { byteLength }) => sum + byteLength, 0);
    } catch (error) {
      throw writeError({ path, error });
    }
  }

  async log(entry: RunLogEntry): Promise<void> {
    const file = this.#file!;
    const record = recordOf(entry);
    try {
      await file.handle.write(record, 0, record.byteLength, file.end);
    } catch (error) {
      throw writeError({ path: file.path, error });
    }
    file.end += record.byteLength;
  }

  async finish(): Promise<void> {
    await this.#file?.handle.close();
    this.#file = undefined;
  }
}

function recordOf(entry: RunLogEntry): Uint8Array {
  return scalarRecord({ wallTime: Date.now() / 1000, step: entry.step, scalars: measuresOf(entry) });
}

/** How much of an event file says the same as the first lines of a log. */
function agreement({ file, entries }: { file: Uint8Array; entries: readonly RunLogEntry[] }): {
  /** Bytes. */ end: number;
  /** Lines. */ kept: number;
} {
  const [first, ...events] = readEvents(file);
  if (first?.fileVersion === undefined) return { end: 0, kept: 0 };
  let end = first.end;
  let kept = 0;
  for (const event of events) {
    const entry = entries[kept];
    if (entry === undefined || event.step !== entry.step || !sameScalars(event.scalars, measuresOf(entry))) break;
    end = event.end;
    kept++;
  }
  return { end, kept };
}

/** Whether a file's scalars are a line's measures, rounded to float32. */
function sameScalars(scalars: Readonly<Record<string, number>>, measures: Readonly<Record<string, number>>): boolean {
  const names = Object.keys(measures);
  return (
    names.length === Object.keys(scalars).length &&
    names.every((name) => Object.is(scalars[name], Math.fround(measures[name]!)))
  );
}
