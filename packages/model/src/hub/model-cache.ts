import { access, copyFile, mkdir, readFile, readdir, symlink, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { writeFileAtomically } from '@subtext/core/node';
import { HubError } from './hub-error';

/**
 * One model's place in the cache, laid out as huggingface_hub lays it out:
 *
 *     models--OWNER--NAME/
 *       refs/main                     the commit that the name stands for
 *       snapshots/COMMIT/config.json  a link to
 *       blobs/ETAG                    the content, named by its hash
 */
export class ModelCache {
  /** The model's folder. */
  readonly folder: string;

  constructor({ cacheFolder, id }: { cacheFolder: string; id: string }) {
    this.folder = join(cacheFolder, `models--${id.split('/').join('--')}`);
  }

  /** Where a commit's files are. */
  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** Where a file's content is. */
  blob(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  /** The cached snapshot of a revision, if it holds a whole model. */
  async wholeSnapshot(revision: string): Promise<string | undefined> {
    const commit = isCommit(revision) ? revision : await this.commitOf(revision);
    if (commit === undefined) return undefined;
    const folder = this.snapshot(commit);
    return (await isWholeModel(folder)) ? folder : undefined;
  }

  /** Writes down which commit a revision's name stands for. */
  async setCommit(revision: string, commit: string): Promise<void> {
    if (isCommit(revision)) return;
    const path = join(this.folder, 'refs', revision);
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomically({ path, data: commit });
  }

  /** Puts a file of a commit in its place, as a link to its content; as a copy where links are not allowed. */
  async place({ commit, path, etag }: { commit: string; path: string; etag: string }): Promise<void> {
    const target = join(this.snapshot(commit), path);
    const source = this.blob(etag);
    await mkdir(dirname(target), { recursive: true });
    // A link left without its content gives way.
    if (!(await exists(target))) await unlink(target).catch(() => {});
    try {
      await symlink(relative(dirname(target), source), target);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'EEXIST') return;
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw cause;
      await copyFile(source, target);
    }
  }

  private async commitOf(revision: string): Promise<string | undefined> {
    try {
      const commit = (await readFile(join(this.folder, 'refs', revision), 'utf8')).trim();
      return isCommit(commit) ? commit : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Whether a revision is a commit's hash rather than the name of a branch or tag. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** Whether a path leads to something, links followed. */
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
  let index: { weight_map?: Record<string, unknown> };
  try {
    index = JSON.parse(await readFile(join(folder, 'model.safetensors.index.json'), 'utf8')) as typeof index;
  } catch {
    return false;
  }
  const files = new Set(Object.values(index.weight_map ?? {}));
  for (const file of files) if (typeof file !== 'string' || !(await has(file))) return false;
  return files.size > 0;
}

/** The typed error for what the operating system answered about the cache. */
export function cacheError(cause: unknown, folder: string): HubError {
  return new HubError({
    code: 'input-output',
    message: `${folder}: can't use the model cache: ${(cause as Error).message}. Make room there, or set HF_HUB_CACHE to another folder`,
    cause,
  });
}
