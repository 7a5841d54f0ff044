import { readRegularFile } from '@subtext/core/node';
import { isReportPicture } from '@subtext/eval';
import { realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';

/** A picture of more bytes is left out. */
const MOST_BYTES = 4 * 2 ** 20;
/** The most pictures that a page is told of, and their most bytes together: an exported page has them all in it. */
const MOST_PICTURES = 400;
const MOST_TOGETHER = 2 ** 25;

/**
 * The pictures that a page may read beside those of its examples, by their places in a list. A file of results names
 * pictures by paths of its own: only those within the folders that were given are taken, and only files that begin as a
 * picture does.
 */
export class ServedPictures {
  readonly paths: string[] = [];
  readonly #roots: Promise<string[]>;
  readonly #places = new Map<string, number | undefined>();
  #bytes = 0;

  constructor({ folders }: { /** The folders that pictures may lie in. */ folders: readonly string[] }) {
    this.#roots = Promise.all(
      folders.map((folder) =>
        realpath(folder).then(
          (found) => [found],
          () => [],
        ),
      ),
    ).then((found) => found.flat());
  }

  /** A picture's place in the list; undefined where it may not be shown. */
  async add(path: string): Promise<number | undefined> {
    if (!this.#places.has(path)) {
      const may = this.paths.length < MOST_PICTURES && (await this.#mayShow(path));
      this.#places.set(path, may ? this.paths.push(path) - 1 : undefined);
    }
    return this.#places.get(path);
  }

  async #mayShow(path: string): Promise<boolean> {
    try {
      const at = await realpath(path);
      if (!(await this.#roots).some((root) => at.startsWith(`${root}${sep}`))) return false;
      const { size } = await stat(at);
      if (size > MOST_BYTES || this.#bytes + size > MOST_TOGETHER) return false;
      if (!isReportPicture(await readRegularFile({ path: at, maximumBytes: MOST_BYTES }))) return false;
      this.#bytes += size;
      return true;
    } catch {
      // What cannot be read is not shown.
      return false;
    }
  }
}
