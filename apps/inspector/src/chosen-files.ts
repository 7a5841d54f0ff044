/** The files of a folder that was chosen, by their paths in it. */
export function chosenFiles(files: readonly File[]): { name: string; files: Record<string, Blob> } {
  const paths = files.map((file) => (file.webkitRelativePath || file.name).split('/'));
  const nested = paths.every((parts) => parts.length > 1);
  return {
    name: nested ? paths[0]![0]! : 'the folder',
    files: Object.fromEntries(files.map((file, index) => [paths[index]!.slice(nested ? 1 : 0).join('/'), file])),
  };
}

/** The files of a folder that was dropped. */
export async function droppedFiles(transfer: DataTransfer): Promise<{ name: string; files: Record<string, Blob> }> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const files: Record<string, Blob> = {};
  const read = async (entry: FileSystemEntry, path: string): Promise<void> => {
    if (entry.isFile) {
      files[path] = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const one of some) await read(one, path === '' ? one.name : `${path}/${one.name}`);
    }
  };
  const [first] = entries;
  if (entries.length === 1 && first?.isDirectory) await read(first, '');
  else for (const entry of entries) await read(entry, entry.name);
  return { name: first?.name ?? 'the folder', files };
}
