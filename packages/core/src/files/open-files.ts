/** Where the loaders of browsers look for folders: shared by every copy of every package in the page. */
const registry = Symbol.for('subtext.files');
let opened = 0;

/**
 * Gives `File` objects that a user chose, or other blobs, a folder's name, which loaders in a browser take as they take an
 * address: `loadModel({ folder: openFiles(input.files) })`. Nothing is copied or read here.
 *
 * @param files files of one folder: a list, whose names count from the folder's own (`webkitRelativePath` less its first
 *   part, or `name`), or blobs by name
 * @returns the folder's name
 */
export function openFiles(files: Iterable<File> | Readonly<Record<string, Blob>>): string {
  const all = globalThis as { [registry]?: Map<string, ReadonlyMap<string, Blob>> };
  const entries: [string, Blob][] =
    Symbol.iterator in files
      ? [...(files as Iterable<File & { webkitRelativePath?: string }>)].map((file) => [
          file.webkitRelativePath ? file.webkitRelativePath.split('/').slice(1).join('/') : file.name,
          file,
        ])
      : Object.entries(files);
  opened += 1;
  const folder = `files:/${opened}`;
  (all[registry] ??= new Map()).set(folder, new Map(entries));
  return folder;
}

/** Forgets a folder of {@link openFiles}, so that its files can be freed. */
export function closeFiles(folder: string): void {
  (globalThis as { [registry]?: Map<string, unknown> })[registry]?.delete(folder);
}
