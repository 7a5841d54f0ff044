import { SubtextError } from '@subtext/core';

/** Machine-readable error codes. */
export type SafetensorsErrorCode =
  /** The path does not exist, or the folder has no weights. */
  | 'not-found'
  /** The operating system or the server reported an error. */
  | 'input-output'
  /** The file ends before the header or a tensor does. */
  | 'truncated'
  /** The header is longer than the format's 100 MB. */
  | 'header-too-large'
  /** The header is not UTF-8, not JSON, or does not have the format's structure. */
  | 'invalid-header'
  /** A key occurs twice in one JSON object, or a tensor in two files of one model. */
  | 'duplicate-name'
  /** An unsupported dtype. */
  | 'unsupported-dtype'
  /** A shape that is not a short list of non-negative safe integers, or whose size overflows. */
  | 'invalid-shape'
  /** Offsets outside the file, out of order, overlapping, or leaving a gap; or not the size of shape × dtype. */
  | 'invalid-offsets'
  /** The index of a sharded model is malformed, or does not agree with its files. */
  | 'invalid-index'
  /** A PyTorch checkpoint whose zip archive is damaged, compressed, encrypted, or of another layout. */
  | 'invalid-archive'
  /** A PyTorch checkpoint whose pickle is malformed, or contains no state dict. */
  | 'invalid-pickle'
  /** A pickle that refers to a class or function not needed for tensors. Nothing of it was run. */
  | 'forbidden-class'
  /** The file has no tensor with that name. */
  | 'unknown-tensor'
  /** The data does not match the declared dtype and shape. */
  | 'invalid-tensor'
  /** The file was closed before the call. */
  | 'closed'
  /** A big-endian machine: the format is little-endian. */
  | 'unsupported-platform';

/** Base class of this package's errors. */
export class SafetensorsError extends SubtextError<SafetensorsErrorCode> {
  override readonly name = 'SafetensorsError';
  /** Path or URL of the file, if there is one. */
  readonly path: string | undefined;

  constructor({
    path,
    message,
    ...options
  }: {
    code: SafetensorsErrorCode;
    message: string;
    path?: string;
    cause?: unknown;
  }) {
    super({ ...options, message: path === undefined ? message : `${path}: ${message}` });
    this.path = path;
  }

  /** True for errors of this class from any copy of the package (ES module, CommonJS, another version). */
  static override isInstance(error: unknown): error is SafetensorsError {
    return SubtextError.isInstance(error) && error.name === 'SafetensorsError';
  }
}

/** Text from a file, quoted and truncated for a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 119)}…` : text);
}
