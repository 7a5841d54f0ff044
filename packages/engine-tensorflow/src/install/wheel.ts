import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type * as yauzl from 'yauzl';

/**
 * Unpacks what `choose` names from a Python wheel, each file checked against the SHA-256 of the wheel's own RECORD.
 *
 * @param choose a file's name in the wheel → where to put it, relative to `folder`, or null to leave it
 * @throws Error naming the file that is damaged, unlisted, or points outside.
 */
export async function unpackWheel({
  file,
  folder,
  choose,
  onProgress,
}: {
  file: string;
  folder: string;
  choose: (name: string) => string | null;
  onProgress?: (fraction: number) => void;
}): Promise<string[]> {
  // Loaded here: only an installation needs it.
  const { openPromise } = await import('yauzl');
  const zip = await openPromise(file, { autoClose: false });
  try {
    const entries: yauzl.Entry[] = [];
    for await (const entry of zip.eachEntry()) {
      entries.push(entry);
    }
    const record = entries.find(({ fileName }) => /^[^/]+\.dist-info\/RECORD$/.test(fileName));
    if (!record) {
      throw new Error(`${file} is no Python wheel: it has no RECORD.`);
    }
    const checksums = readRecord(await readText(zip, record));
    const chosen = entries.flatMap((entry) => {
      const target = entry.fileName.endsWith('/') ? null : choose(entry.fileName);
      return target === null ? [] : [{ entry, target }];
    });
    const total = chosen.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
    let done = 0;
    for (const { entry, target } of chosen) {
      const path = join(folder, target);
      if (!path.startsWith(folder + sep)) {
        throw new Error(`${file}: ${entry.fileName} would be written outside ${folder}.`);
      }
      await mkdir(dirname(path), { recursive: true });
      const hash = createHash('sha256');
      const watch = new Transform({
        transform(chunk: Buffer, _encoding, callback) {
          hash.update(chunk);
          done += chunk.length;
          onProgress?.(done / total);
          callback(null, chunk);
        },
      });
      await pipeline(await zip.openReadStreamPromise(entry), watch, createWriteStream(path));
      if (checksums.get(entry.fileName) !== hash.digest('base64url')) {
        throw new Error(
          `${file}: ${entry.fileName} does not have the checksum that the wheel's RECORD gives. Download the wheel again.`,
        );
      }
    }
    return chosen.map(({ target }) => target);
  } finally {
    zip.close();
  }
}

/** Lines of `path,sha256=…,size`; no path that matters here has a comma. */
function readRecord(text: string): Map<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const match = /^"?(.*?)"?,sha256=([\w-]+),\d+$/.exec(line);
      return match ? [[match[1]!, match[2]!]] : [];
    }),
  );
}

async function readText(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
