import { SubtextError } from '../subtext-error';

/** What went wrong with a file. */
export type FileErrorCode =
  /** There is nothing under this name. */
  | 'not-found'
  /** A folder, pipe, device or socket stands where a file is expected. */
  | 'not-a-file'
  /** It is larger than may be read. */
  | 'too-large'
  /** It is not UTF-8. */
  | 'invalid-text'
  /** The operating system refused. */
  | 'input-output';

/** An error about one file; `path` names it. */
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
  EFBIG: 'the file is larger than this process or disk may write',
  EMFILE: 'too many files are open',
  ELOOP: 'its links lead in a circle',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder',
};

/** The typed error for what the operating system answered. */
export function fileError({ cause, path, action }: { cause: unknown; path: string; action: string }): FileError {
  if (FileError.isInstance(cause)) return cause;
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOENT')
    return new FileError({ code: 'not-found', message: `${path}: there is no such file or folder`, path, cause });
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
