import { parseJson } from '@subtext/core';
import { readTextFile, writeFileAtomically } from '@subtext/core/node';
import { constants } from 'node:fs';
import { access, copyFile, lstat, mkdir, readdir, rm, statfs, symlink } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';

import { HubError } from './hub-error';

/** Maximum size of a weight index, in bytes. */
const indexBytes = 64 * 2 ** 20;

/**
 * A model's folder in the cache, in the layout of huggingface_hub:
 *
 *     models--OWNER--NAME/
 *       refs/main                     commit of the branch
 *       snapshots/COMMIT/config.json  link to
 *       blobs/ETAG                    the content, named by its hash
 */
export class ModelCache {
  /** The model's folder. */
  readonly folder: string;

  constructor({ cacheFolder, id }: { cacheFolder: string; id: string }) {
    this.folder = join(cacheFolder, `models--${id.split('/').join('--')}`);
  }

  /** Folder of a commit's files. */
  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** Path of a file's content. */
  blob(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  /** The cached snapshot of a revision, if it has the complete model, or one of the files in `needs`. */
  async wholeSnapshot({
    revision,
    needs,
  }: {
    revision: string;
    needs?: readonly string[];
  }): Promise<string | undefined> {
    const commit = isCommit(revision) ? revision : await this.#commitOf(revision);
    if (commit === undefined) return undefined;
    const folder = this.snapshot(commit);
    const has = await Promise.all((needs ?? []).map((name) => exists(join(folder, name))));
    return has.includes(true) || (needs === undefined && (await isWholeModel(folder))) ? folder : undefined;
  }

  /** Records the commit of a branch or tag, unless already recorded. */
  async setCommit(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || (await this.#commitOf(revision)) === commit) return;
    const path = join(this.folder, 'refs', revision);
    await this.makeFolder(dirname(path));
    await writeFileAtomically({ path, data: commit });
  }

  /**
   * Creates a folder inside the model's folder. The cache may be shared: a link along the path could redirect our writes.
   *
   * @throws HubError `input-output`
   */
  async makeFolder(folder: string): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    let path = this.folder;
    for (const part of relative(this.folder, folder).split(sep)) {
      path = join(path, part);
      await mkdir(path).catch(async (cause: NodeJS.ErrnoException) => {
        if (cause.code !== 'EEXIST' && !(await exists(path))) throw cause;
      });
      if (!(await lstat(path)).isDirectory())
        throw new HubError({
          code: 'input-output',
          message: `${path} is a link or file where the model cache needs a folder. Remove it, or set HF_HUB_CACHE to another folder`,
        });
    }
  }

  /** Creates a commit's file as a link to its content, or as a copy if links are not allowed. */
  async place({ commit, path, etag }: { commit: string; path: string; etag: string }): Promise<void> {
    const target = join(this.snapshot(commit), path);
    const source = this.blob(etag);
    await this.makeFolder(dirname(target));
    // Replace a dangling link.
    if (!(await exists(target))) await rm(target, { force: true });
    try {
      await symlink(relative(dirname(target), source), target);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'EEXIST') return;
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw cause;
      await copyFile(source, target, constants.COPYFILE_EXCL);
    }
  }

  /** @throws HubError `input-output` if there is not enough disk space for the download */
  async requireRoom(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.folder);
    const free = bavail * bsize;
    if (bytes > free) {
      throw new HubError({
        code: 'input-output',
        message: `${this.folder}: the download needs ${gigabytes(bytes)}, but the disk has only ${gigabytes(free)} left. Free some space, or set HF_HUB_CACHE to another folder`,
      });
    }
  }

  async #commitOf(revision: string): Promise<string | undefined> {
    try {
      const commit = (await readTextFile({ path: join(this.folder, 'refs', revision), maximumBytes: 1024 })).trim();
      return isCommit(commit) ? commit : undefined;
    } catch {
      return undefined;
    }
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 1e8 ? 3 : 1)} GB`;
}

/** Whether a revision is a commit hash rather than a branch or tag. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** Whether a path exists, following links. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** Whether a folder has a config (of a model or of an adapter) and all of its weights. */
async function isWholeModel(folder: string): Promise<boolean> {
  const has = (name: string): Promise<boolean> => exists(join(folder, name));
  const names = await readdir(folder).catch((): string[] => []);
  if (!names.includes('config.json') && !names.includes('adapter_config.json')) return false;
  if ((await has('model.safetensors')) || (await has('adapter_model.safetensors'))) return true;
  let index: unknown;
  try {
    const path = join(folder, 'model.safetensors.index.json');
    index = parseJson({ text: await readTextFile({ path, maximumBytes: indexBytes }), name: path });
  } catch {
    return false;
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  const files = new Set<unknown>(typeof map === 'object' && map !== null ? Object.values(map) : []);
  for (const file of files) if (typeof file !== 'string' || !(await has(file))) return false;
  return files.size > 0;
}

/** Converts a file system error in the cache into a `HubError`. */
export function cacheError(cause: unknown, folder: string): HubError {
  const { code } = ((cause as Error).cause ?? cause) as NodeJS.ErrnoException;
  const closed = code === 'EROFS' || code === 'EACCES' || code === 'EPERM';
  return new HubError({
    code: 'input-output',
    message: `${folder}: can't use the model cache: ${(cause as Error).message}. ${closed ? 'It is read-only: set HF_HUB_CACHE to a writable folder, or HF_HUB_OFFLINE=1 to use its current content' : 'Free some space, or set HF_HUB_CACHE to another folder'}`,
    cause,
  });
}
