const marker = Symbol.for('subtext.data.error');

/** What went wrong, for programs; the message says it for people. */
export type DataErrorCode =
  | 'file-missing'
  | 'file-unreadable'
  | 'file-malformed'
  | 'file-too-large'
  | 'line-too-long'
  | 'text-malformed'
  | 'record-malformed'
  | 'image-missing'
  | 'image-broken'
  | 'image-outside-folder'
  | 'image-too-large'
  | 'image-decoder-missing'
  | 'option-invalid'
  | 'format-unknown'
  | 'space-exhausted'
  | 'set-empty';

/** Any fault in data: the file and line it is in, and what to do about it. */
export class DataError extends Error {
  readonly code: DataErrorCode;
  /** The file at fault, if there is one. */
  readonly file: string | undefined;
  /** The line at fault, counted from 1; for formats that are one JSON value, the record's number counted from 1. */
  readonly line: number | undefined;

  constructor(options: { code: DataErrorCode; message: string; file?: string; line?: number; cause?: unknown }) {
    const place =
      options.file === undefined ? '' : `${options.file}${options.line === undefined ? '' : `:${options.line}`}: `;
    super(`${place}${options.message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DataError';
    this.code = options.code;
    this.file = options.file;
    this.line = options.line;
    Object.defineProperty(this, marker, { value: true });
  }

  /** True for a DataError of any installed copy of this package. */
  static isInstance(value: unknown): value is DataError {
    return typeof value === 'object' && value !== null && marker in value;
  }
}
