import { createHash } from 'node:crypto';

import { FileError, openRegularFile, writeFileAtomically } from '@subtext/core/node';

import { TrainerError } from '../errors';

/** Writes a file so that a reader sees the old bytes or the new ones, never a part. Throws `write-failed`. */
export async function writeAtomically({
  path,
  data,
  mode,
}: {
  path: string;
  data: string | Uint8Array;
  /** Permissions. @default 0o666 less the process's mask */ mode?: number;
}): Promise<void> {
  try {
    await writeFileAtomically({ path, data, mode });
  } catch (error) {
    throw writeError({ path, error });
  }
}

/** Size and SHA-256 (hex) of a regular file, read in pieces: files may be larger than what fits into one buffer. @throws FileError */
export async function fileDigest(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const { handle } = await openRegularFile(path);
  // The stream closes the handle.
  for await (const chunk of handle.createReadStream({ highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  return { bytes, sha256: hash.digest('hex') };
}

const reasons: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space and start the run again, it resumes from its last checkpoint',
  EFBIG:
    'the file is larger than this process or disk may write; raise the limit (ulimit -f) and start the run again, it resumes from its last checkpoint',
  EROFS: 'the file system is read-only; choose another output folder',
  EACCES: 'no permission to write there; choose another output folder or change its permissions',
  EPERM: 'no permission to write there; choose another output folder or change its permissions',
  EDQUOT: 'the disk quota is used up; free some space and start the run again, it resumes from its last checkpoint',
};

/** The system's code of an error, which another package may have wrapped. */
function systemCode(error: unknown): string | undefined {
  for (let one = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth++) {
    if ('code' in one && typeof one.code === 'string' && one.code in reasons) return one.code;
  }
  return undefined;
}

/** Turns the system's error into `write-failed`, which says what to do. */
export function writeError({ path, error }: { path: string; error: unknown }): Error {
  if (TrainerError.isInstance(error)) return error;
  const code = systemCode(error);
  const message = error instanceof Error ? error.message : String(error);
  const reason = code
    ? `${reasons[code]!} (${code})`
    : FileError.isInstance(error)
      ? message.replace(`${error.path}: `, '')
      : message;
  return new TrainerError({ code: 'write-failed', message: `Cannot write ${path}: ${reason}.`, cause: error });
}
