/** Key of the registry that browser loaders look folders up in; shared by all copies of all packages in the page. */
const registry = Symbol.for('subtext.files');
let opened = 0;

/**
 * Registers `File` objects chosen by the user, or other blobs, as a folder that browser loaders accept in place of a URL:
 * `loadModel({ folder: openFiles(input.files) })`. Does not copy or read anything.
 *
 * @param files the files of one folder: a list, named by `webkitRelativePath` without its first part, or by `name`; or
 *   blobs by name
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

/** Unregisters a folder of {@link openFiles}, so that its files can be garbage-collected. */
export function closeFiles(folder: string): void {
  (globalThis as { [registry]?: Map<string, unknown> })[registry]?.delete(folder);
}
