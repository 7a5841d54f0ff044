import { FileError, openRegularFile } from '@subtext/core/node';

/** A line of `log.jsonl`. */
export interface LoggedStep {
  step: number;
  phase?: number;
  phaseName?: string;
  loss?: number | null;
  validationLoss?: number | null;
  /** Whether the validation loss was the lowest of its phase. */
  best?: boolean;
  skipped?: boolean;
  [measure: string]: unknown;
}

/** A line that could not be read. */
export interface FaultyLine {
  /** From 1. */
  line: number;
  faulty: true;
}

/** Bytes that are read at a time. */
const PIECE = 2 ** 20;
/** The longest line, in bytes: one of a run's log has some hundred. */
const LONGEST = 2 ** 16;
/** Bytes without a line's end after which a file is no log: one that takes no room on the disk can have hundreds of GB. */
const MOST_WITHOUT_END = 64 * PIECE;

/**
 * The lines of a run's log, some thousand at a time, however long the log is; a last line without its end, which is being
 * written, is left out. Nothing where there is no file.
 *
 * @throws FileError for what is no file, may not be read, or has no lines
 */
export async function* readLogLines(path: string): AsyncGenerator<(LoggedStep | FaultyLine)[], void, void> {
  let opened: Awaited<ReturnType<typeof openRegularFile>>;
  try {
    opened = await openRegularFile(path);
  } catch (error) {
    if (FileError.isInstance(error) && error.code === 'not-found') return;
    throw error;
  }
  const { handle } = opened;
  try {
    const piece = Buffer.allocUnsafe(PIECE);
    let begun = Buffer.alloc(0);
    /** Whether the line at hand is longer than any that is read. */
    let overlong = false;
    let line = 0;
    /** Where the line at hand begins. */
    let lineStart = 0;
    for (let position = 0; ;) {
      const { bytesRead } = await handle.read(piece, 0, PIECE, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      let start = 0;
      const lines: (LoggedStep | FaultyLine)[] = [];
      for (let end = piece.indexOf(10, 0); end >= 0 && end < bytesRead; end = piece.indexOf(10, start)) {
        line += 1;
        const entry =
          overlong || begun.byteLength + end - start > LONGEST
            ? undefined
            : parseLine(
                begun.byteLength === 0
                  ? piece.toString('utf8', start, end)
                  : Buffer.concat([begun, piece.subarray(start, end)]).toString('utf8'),
              );
        lines.push(entry ?? { line, faulty: true });
        begun = Buffer.alloc(0);
        overlong = false;
        start = end + 1;
        lineStart = position - bytesRead + start;
      }
      if (lines.length > 0) yield lines;
      if (position - lineStart > MOST_WITHOUT_END)
        throw new FileError({
          code: 'too-large',
          message: `${path}: line ${line + 1} has more than ${MOST_WITHOUT_END} bytes: this is not the log of a run`,
          path,
        });
      if (overlong || begun.byteLength + bytesRead - start > LONGEST) {
        overlong = true;
        begun = Buffer.alloc(0);
      } else begun = Buffer.concat([begun, piece.subarray(start, bytesRead)]);
    }
  } finally {
    await handle.close();
  }
}

export function isFaulty(entry: LoggedStep | FaultyLine): entry is FaultyLine {
  return entry.faulty === true;
}

function parseLine(text: string): LoggedStep | undefined {
  try {
    const entry = JSON.parse(text) as LoggedStep | null;
    if (
      typeof entry !== 'object' ||
      entry === null ||
      Array.isArray(entry) ||
      !Object.hasOwn(entry, 'step') ||
      !Number.isSafeInteger(entry.step)
    )
      return undefined;
    if (Object.hasOwn(entry, 'phase') && typeof entry.phase !== 'number') delete entry.phase;
    if (Object.hasOwn(entry, 'phaseName') && typeof entry.phaseName !== 'string') delete entry.phaseName;
    if (Object.hasOwn(entry, 'faulty')) delete entry.faulty;
    return entry;
  } catch {
    return undefined;
  }
}
