import { isUtf8 } from 'node:buffer';
import { DataError } from '../errors';
import { defaultFileLimits, openForReading, type FileLimits } from './data-file';

/** A row of a table. */
export interface TableRow {
  cells: string[];
  /** Where it begins and ends, lines counted from 1. */
  firstLine: number;
  lastLine: number;
  /** What is wrong with it; its cells are not to be used then. */
  problem?: string;
}

const tab = 9;
const lineFeed = 10;
const carriageReturn = 13;
const quote = 34;

/** Rows with a quote that nothing closes, after which the rest of a file is read again: each costs a pass. */
const mostUnclosed = 100;

/**
 * The rows of a tab-separated table as pandas reads them: a cell that begins with a quote goes on to the next single one,
 * over tabs and lines, and `""` in it is a quote; a quote elsewhere is a character. One row is held at a time. A bad row
 * is told as one and the next line begins a new row, where pandas would give up the file: a quote that nothing closes,
 * one that another row's quote closes, bytes that are not UTF-8.
 *
 * @throws DataError `line-too-long` and those of opening a file
 */
export async function* readTable(
  file: string,
  { maximumLineBytes = defaultFileLimits.maximumLineBytes }: FileLimits = {},
): AsyncGenerator<TableRow> {
  const handle = await openForReading(file);
  try {
    const chunk = Buffer.allocUnsafe(1 << 18);
    let chunkStart = 0; // where the chunk stands in the file
    let filled = 0;
    let at = 0; // within the chunk
    let line = 1;
    let columns: number | undefined;
    let unclosed = 0;
    const fill = async (): Promise<boolean> => {
      chunkStart += filled;
      at = 0;
      filled = (
        await handle.read(chunk, 0, chunk.length, chunkStart).catch((cause: unknown) => {
          if (DataError.isInstance(cause)) throw cause;
          throw new DataError({
            code: 'file-unreadable',
            file,
            message: `the file can't be read (${(cause as Error).message}).`,
            cause,
          });
        })
      ).bytesRead;
      return filled > 0;
    };
    const moveTo = (position: number): void => {
      chunkStart = position;
      filled = 0;
      at = 0;
    };
    for (;;) {
      // One row: cells as pieces of bytes, so that a picture of many megabytes is copied once.
      const cells: Buffer[] = [];
      let pieces: Buffer[] = [];
      let from = at;
      let size = 0;
      let state: 'start' | 'plain' | 'quoted' | 'after' = 'start';
      const firstLine = line;
      /** Where the second line of the row begins. */
      let second: { position: number; line: number } | undefined;
      let started = false;
      /** Whether text stands behind the quote that closes a cell: then another cell's quote has closed it. */
      let loose = false;
      const take = (end: number): void => {
        if (end > from) {
          size += end - from;
          pieces.push(Buffer.from(chunk.subarray(from, end)));
        }
      };
      const finishCell = (end: number): void => {
        take(end);
        cells.push(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
        pieces = [];
        state = 'start';
      };
      let ended = false;
      while (!ended) {
        if (at === filled) {
          take(at);
          if (size > maximumLineBytes)
            throw new DataError({
              code: 'line-too-long',
              file,
              line: firstLine,
              message: `the row has more than ${maximumLineBytes} bytes. This is not a table, or \`maximumLineBytes\` is to be raised.`,
            });
          const more = await fill();
          from = 0;
          if (!more) {
            if (!started) return;
            break;
          }
        }
        const byte = chunk[at]!;
        started = true;
        if (state === 'quoted') {
          if (byte === quote) {
            take(at);
            from = at + 1;
            state = 'after';
          } else if (byte === lineFeed) {
            line += 1;
            second ??= { position: chunkStart + at + 1, line };
          }
        } else if (byte === tab || byte === lineFeed) {
          finishCell(at);
          from = at + 1;
          if (byte === lineFeed) {
            line += 1;
            ended = true;
          }
        } else if (state === 'after' && byte === quote) {
          // The second of two quotes is one of the text.
          from = at;
          state = 'quoted';
        } else if (state === 'start' && byte === quote) {
          from = at + 1;
          state = 'quoted';
        } else if (state === 'start' || state === 'after') {
          loose ||= state === 'after' && byte !== carriageReturn;
          from = at;
          state = 'plain';
        }
        at += 1;
      }
      const lastLine = ended ? line - 1 : line;
      const open = !ended && (state as string) === 'quoted';
      if (!ended && !open) finishCell(at);
      const split = columns !== undefined && second !== undefined && (cells.length > columns || loose);
      if (open || split) {
        unclosed += open ? 1 : 0;
        if (unclosed > mostUnclosed)
          throw new DataError({
            code: 'file-malformed',
            file,
            line: firstLine,
            message:
              'the table has very many cells whose quote is not closed; write "" for a quote within a quoted cell.',
          });
        yield {
          cells: [],
          firstLine,
          lastLine: firstLine,
          problem: open
            ? 'a cell begins with a quote that nothing closes'
            : 'a cell begins with a quote that closes in a later row',
        };
        if (second === undefined) return;
        moveTo(second.position);
        line = second.line;
        continue;
      }
      const last = cells.at(-1);
      if (last && last.at(-1) === carriageReturn) cells[cells.length - 1] = last.subarray(0, -1);
      if (cells.length === 1 && cells[0]!.length === 0) continue;
      if (cells.every((cell) => isUtf8(cell))) {
        const texts = cells.map((cell) => cell.toString('utf8'));
        if (columns === undefined) texts[0] = texts[0]!.replace(/^\uFEFF/, '').replace(/^"(.*)"$/, '$1');
        columns ??= texts.length;
        yield { cells: texts, firstLine, lastLine };
      } else yield { cells: [], firstLine, lastLine, problem: 'the row is not UTF-8 text' };
      if (!ended) return;
    }
  } finally {
    await handle.close();
  }
}
