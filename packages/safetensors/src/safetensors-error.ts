import { SubtextError } from '@subtext/core';

/** What went wrong, for programs; `message` says the same to people. */
export type SafetensorsErrorCode =
  /** The path does not exist, or no weights are in the folder. */
  | 'not-found'
  /** The operating system or the server refused to read or write. */
  | 'input-output'
  /** The file ends before the header or a tensor does. */
  | 'truncated'
  /** The header is longer than the format's 100 MB. */
  | 'header-too-large'
  /** The header is not UTF-8, not JSON, or not of the format's shape. */
  | 'invalid-header'
  /** A key occurs twice in one JSON object, or a tensor in two files of one model. */
  | 'duplicate-name'
  /** An element type that this package, or the format, does not know. */
  | 'unsupported-dtype'
  /** A shape that is not a short list of non-negative safe integers, or whose size overflows. */
  | 'invalid-shape'
  /** Offsets outside the file, out of order, overlapping, or leaving a hole; or not the size of shape × dtype. */
  | 'invalid-offsets'
  /** The index of a sharded model is malformed, or does not agree with its files. */
  | 'invalid-index'
  /** A PyTorch checkpoint whose zip archive is damaged, compressed, encrypted, or of another kind. */
  | 'invalid-archive'
  /** A PyTorch checkpoint whose pickle is malformed, or holds no tensors by name. */
  | 'invalid-pickle'
  /** A pickle that asks for a class or a function that is no tensor. Nothing of it was run. */
  | 'forbidden-class'
  /** The file has no tensor of that name. */
  | 'unknown-tensor'
  /** The data handed over does not fit the dtype and shape declared for it. */
  | 'invalid-tensor'
  /** The file was closed before the call. */
  | 'closed'
  /** A big-endian machine: the format is little-endian. */
  | 'unsupported-platform';

/** Every error this package throws on purpose. */
export class SafetensorsError extends SubtextError<SafetensorsErrorCode> {
  override readonly name = 'SafetensorsError';
  /** The file or address at fault, where there is one. */
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

/** Text from a file, quoted for a message and cut to a length that a person reads. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 119)}…` : text);
}
