import { SubtextError } from '@subtext/core';

/** What went wrong, for programs; the message says it for people. */
export type DataErrorCode =
  | 'not-found'
  | 'file-unreadable'
  | 'file-malformed'
  | 'file-too-large'
  | 'line-too-long'
  | 'text-malformed'
  | 'record-malformed'
  | 'faulty-records'
  | 'image-missing'
  | 'image-broken'
  | 'image-outside-folder'
  | 'image-too-large'
  | 'image-decoder-missing'
  | 'invalid-option'
  | 'unknown-format'
  | 'space-exhausted'
  | 'empty-set';

/** Any fault in data: the file and line it is in, and what to do about it. */
export class DataError extends SubtextError<DataErrorCode> {
  override readonly name = 'DataError';
  /** The file at fault, if there is one. */
  readonly file: string | undefined;
  /** The line at fault, counted from 1; for formats that are one JSON value, the record's number counted from 1. */
  readonly line: number | undefined;

  constructor({
    file,
    line,
    message,
    ...options
  }: {
    code: DataErrorCode;
    message: string;
    file?: string;
    line?: number;
    cause?: unknown;
  }) {
    const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `;
    super({ ...options, message: `${place}${message}` });
    this.file = file;
    this.line = line;
  }

  /** True for a DataError of any installed copy of this package. */
  static override isInstance(error: unknown): error is DataError {
    return SubtextError.isInstance(error) && error.name === 'DataError';
  }
}
