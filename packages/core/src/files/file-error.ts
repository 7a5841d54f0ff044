import { SubtextError } from '../subtext-error';

/** What went wrong with a file. */
export type FileErrorCode =
  /** The path does not exist. */
  | 'not-found'
  /** The path is a folder, pipe, device or socket, not a regular file. */
  | 'not-a-file'
  /** The file exceeds the size limit. */
  | 'too-large'
  /** The file is not valid UTF-8. */
  | 'invalid-text'
  /** The operating system reported an error. */
  | 'input-output';

/** An error about the file at `path`. */
export class FileError extends SubtextError<FileErrorCode> {
  override readonly name = 'FileError';
  readonly path: string;

  constructor({ path, ...options }: { code: FileErrorCode; message: string; path: string; cause?: unknown }) {
    super(options);
    this.path = path;
  }

  static override isInstance(error: unknown): error is FileError {
    return SubtextError.isInstance(error) && error.name === 'FileError';
  }
}

const reasons: Record<string, string> = {
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file exceeds the size limit of this process or file system',
  EMFILE: 'too many files are open',
  ELOOP: 'its symbolic links form a loop',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder',
};

/** Converts an error of the operating system into a `FileError`. */
export function fileError({ cause, path, action }: { cause: unknown; path: string; action: string }): FileError {
  if (FileError.isInstance(cause)) return cause;
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOENT')
    return new FileError({ code: 'not-found', message: `${path}: no such file or folder`, path, cause });
  const reason =
    code === undefined
      ? String((cause as Error | null)?.message ?? cause)
      : `${reasons[code] ?? (cause as Error).message} (${code})`;
  return new FileError({
    code: code === 'EISDIR' ? 'not-a-file' : 'input-output',
    message: `${path}: can't ${action} it: ${reason}`,
    path,
    cause,
  });
}
