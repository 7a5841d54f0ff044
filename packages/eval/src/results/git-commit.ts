import { readTextFile } from '@subtext/core/node';
import { lstat, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** No reference, pointer or list of references of git's needs more. */
const maximumBytes = 16 * 2 ** 20;
const read = async (path: string) => readTextFile({ path, maximumBytes }).catch(() => null);
const isObject = (text: string | undefined): text is string =>
  text !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

/**
 * The commit that the work tree around a folder is at; null outside one. Read from git's files, never by running git: its
 * configuration in a stranger's folder can name programs that git would start (`core.fsmonitor`, filters). Whether files
 * differ from the commit is therefore not said.
 */
export async function gitHash({ folder }: { folder: string }): Promise<string | null> {
  for (let place = await realpath(folder).catch(() => resolve(folder)); ; place = dirname(place)) {
    const path = join(place, '.git');
    const found = await lstat(path).catch(() => null);
    if (found !== null) {
      const pointer = found.isDirectory() ? null : /^gitdir: (.+)$/m.exec((await read(path)) ?? '')?.[1];
      return pointer === undefined ? null : commitOf(pointer === null ? path : resolve(place, pointer.trim()));
    }
    if (dirname(place) === place) return null;
  }
}

async function commitOf(folder: string): Promise<string | null> {
  const head = (await read(join(folder, 'HEAD')))?.trim();
  if (head === undefined) return null;
  if (isObject(head)) return head;
  const name = /^ref: (refs\/[\w./@{}+-]+)$/.exec(head)?.[1];
  if (name === undefined || name.split('/').includes('..')) return null;
  // A linked work tree keeps its references in the main one's folder.
  const common = (await read(join(folder, 'commondir')))?.trim();
  for (const place of [folder, ...(common === undefined ? [] : [resolve(folder, common)])]) {
    const loose = (await read(join(place, name)))?.trim();
    if (isObject(loose)) return loose;
    for (const line of ((await read(join(place, 'packed-refs'))) ?? '').split('\n')) {
      const [commit, packed] = line.split(' ');
      if (packed === name && isObject(commit)) return commit;
    }
  }
  return null;
}
