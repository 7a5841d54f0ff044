import { dirname } from 'node:path';
import { DataError } from '../errors';
import { imageBytes, imageFile } from '../images/load-image';
import { resolveInside } from '../images/resolve-inside';
import type { ImageReference, ReasoningExample } from '../reasoning-example';
import type { ReadFileOptions } from './coconut-json';
import type { FileLimits } from './data-file';
import { ExampleStream } from './example-stream';
import type { FaultKind, FaultLog } from './fault-log';
import { readTable, type TableRow } from './tab-separated';

/** VLMEvalKit's own limit: a shorter entry in the column `image` is the index of the row that holds the image. */
const longestReference = 64;

const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** The texts of a list written as JSON or as Python's `repr` does. */
function listEntries(cell: string): string[] {
  try {
    const parsed = JSON.parse(cell) as unknown;
    if (Array.isArray(parsed)) return parsed.map(String);
  } catch {
    // Python's quotes, then.
  }
  const entries: string[] = [];
  const inside = cell.slice(1, cell.endsWith(']') ? -1 : undefined);
  for (let at = 0; at < inside.length;) {
    const mark = inside[at]!;
    if (mark !== "'" && mark !== '"') {
      at += 1;
      continue;
    }
    const end = inside.indexOf(mark, at + 1);
    if (end < 0) break;
    entries.push(inside.slice(at + 1, end));
    at = end + 1;
  }
  return entries;
}

/** A cell that is text, or a list of one; undefined for a list of several. */
function single(cell: string): string | undefined {
  const trimmed = cell.trim();
  if (!trimmed.startsWith('[')) return trimmed;
  const entries = listEntries(trimmed);
  return entries.length > 1 ? undefined : (entries[0]?.trim() ?? '');
}

const decodeBase64 = (cell: string): Uint8Array =>
  Buffer.from(cell.replace(/^data:image\/[\w.+-]+;base64,/, ''), 'base64');

/** The columns of a table, by the header: what the first row leaves empty is a column all the same. */
class Columns {
  readonly names: string[];
  readonly #places = new Map<string, number>();

  constructor({ header, file }: { header: TableRow | undefined; file: string }) {
    if (header === undefined) throw new DataError({ code: 'empty-set', file, message: 'the table is empty.' });
    if (header.problem !== undefined)
      throw new DataError({
        code: 'file-malformed',
        file,
        line: 1,
        message: `the header can't be read: ${header.problem}.`,
      });
    this.names = header.cells.map((name) => name.trim());
    for (const [place, name] of this.names.entries()) if (!this.#places.has(name)) this.#places.set(name, place);
    const missing = ['index', 'question', 'answer'].filter((name) => !this.#places.has(name));
    if (!this.#places.has('image') && !this.#places.has('image_path')) missing.push('image');
    if (missing.length > 0) {
      throw new DataError({
        code: 'file-malformed',
        file,
        line: 1,
        message: `the table has no column ${missing.join(', ')}; its columns are ${this.names.join(', ').slice(0, 200)}.`,
      });
    }
  }

  cell(row: TableRow, name: string): string {
    const place = this.#places.get(name);
    return place === undefined ? '' : (row.cells[place] ?? '').trim();
  }
}

/** The images that rows take from another row, before or after them, found in one further pass when first asked for. */
class SharedImages {
  readonly #file: string;
  readonly #limits: FileLimits;
  #images: Map<string, Uint8Array> | undefined;

  constructor(file: string, limits: FileLimits) {
    this.#file = file;
    this.#limits = limits;
  }

  async get(index: string, columns: Columns): Promise<Uint8Array | undefined> {
    this.#images ??= await this.#gather(columns);
    return this.#images.get(index);
  }

  async #gather(columns: Columns): Promise<Map<string, Uint8Array>> {
    const wanted = new Set<string>();
    const images = new Map<string, Uint8Array>();
    // Twice: which rows are named stands behind some of them.
    for (const pass of [1, 2]) {
      let header = true;
      for await (const row of readTable(this.#file, this.#limits)) {
        if (header || row.problem !== undefined) {
          header = false;
          continue;
        }
        const encoded = single(columns.cell(row, 'image')) ?? '';
        const index = columns.cell(row, 'index');
        if (pass === 1) {
          if (encoded !== '' && encoded.length <= longestReference) wanted.add(encoded);
        } else if (encoded.length > longestReference && wanted.has(index) && !images.has(index))
          images.set(index, decodeBase64(encoded));
      }
    }
    return images;
  }
}

async function* readRows(options: {
  file: string;
  log: FaultLog;
  limits: FileLimits;
}): AsyncGenerator<ReasoningExample> {
  const { file, log, limits } = options;
  const shared = new SharedImages(file, limits);
  let columns: Columns | undefined;
  const known = new Set(['index', 'image', 'image_path', 'question', 'answer', 'category', ...letters]);

  /** The image of a row, or what is wrong with it. */
  const imageOf = async (
    row: TableRow,
    of: Columns,
    index: string,
  ): Promise<{ image?: ImageReference } | { kind: FaultKind; message: string }> => {
    const line = row.lastLine;
    const encoded = single(of.cell(row, 'image'));
    const path = encoded === '' ? single(of.cell(row, 'image_path')) : '';
    if (encoded === undefined || path === undefined)
      return { kind: 'images-several', message: `row ${index} has several images; one is supported.` };
    if (encoded.length > longestReference) return { image: imageBytes({ bytes: decodeBase64(encoded), file, line }) };
    if (encoded !== '') {
      const bytes = await shared.get(encoded, of);
      if (!bytes)
        return { kind: 'image-missing', message: `row ${index} takes the image of row ${encoded}, which has none.` };
      return { image: imageBytes({ bytes, file, line }) };
    }
    if (path === '') return {};
    const resolved = resolveInside({ folder: dirname(file), path });
    if (!('problem' in resolved)) return { image: imageFile(resolved.path) };
    const missing = resolved.problem === 'missing';
    return {
      kind: missing ? 'image-missing' : 'image-outside-folder',
      message: `row ${index}: the image ${path} is ${missing ? 'missing' : 'outside the folder'}.`,
    };
  };

  for await (const row of readTable(file, limits)) {
    if (columns === undefined) {
      columns = new Columns({ header: row, file });
      continue;
    }
    const of: Columns = columns;
    const line = row.lastLine;
    log.report.records += 1;
    if (row.problem !== undefined) {
      log.add({
        kind: /UTF-8/.test(row.problem) ? 'text-malformed' : 'record-malformed',
        line,
        message: `${row.problem}.`,
      });
      continue;
    }
    if (row.cells.length > of.names.length) {
      log.add({
        kind: 'record-malformed',
        line,
        message: `the row has ${row.cells.length} cells where the table has ${of.names.length} columns.`,
      });
      continue;
    }
    const index = of.cell(row, 'index');
    const question = of.cell(row, 'question');
    if (index === '' || question === '') {
      log.add({ kind: 'record-malformed', line, message: 'the row needs `index` and `question`.' });
      continue;
    }
    const picture = await imageOf(row, of, index);
    if ('kind' in picture) {
      log.add({ ...picture, line });
      continue;
    }
    const answer = of.cell(row, 'answer');
    if (answer === '') {
      log.add({
        kind: 'answer-missing',
        line,
        message: `row ${index} has no answer; test sets without answers can't be scored.`,
      });
      continue;
    }
    const choices = letters.flatMap((letter) => {
      const text = of.cell(row, letter);
      return text === '' ? [] : [{ letter, text }];
    });
    const metadata = Object.fromEntries(
      of.names.flatMap((name): [string, string][] =>
        known.has(name) || of.cell(row, name) === '' ? [] : [[name, of.cell(row, name)]],
      ),
    );
    const category = of.cell(row, 'category');
    yield {
      id: index,
      question,
      ...(picture.image ? { image: picture.image } : {}),
      steps: [],
      answer,
      ...(category ? { category } : {}),
      ...(choices.length > 0 ? { facts: { kind: 'choice' as const, options: choices } } : {}),
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    };
  }
  if (columns === undefined) throw new DataError({ code: 'empty-set', file, message: 'the table is empty.' });
  if (log.report.records === 0) throw new DataError({ code: 'empty-set', file, message: 'the table has no rows.' });
}

/**
 * Reads a table of VLMEvalKit (MMStar, MMBench, MM-Vet, MathVista, AI2D, HallusionBench, …): tab-separated columns
 * `index, image, question, answer`, options `A`, `B`, …, `category` and others, which become metadata. An image is
 * base64, the index of a row that has it, before or after, or a path in `image_path` within the file's folder; either
 * may be a list of one. The rows are streamed; images that several rows share stay in memory. A bad row is a fault of
 * its own.
 */
export function readVlmEvalKit(options: ReadFileOptions): ExampleStream {
  const { file, ...read } = options;
  return new ExampleStream({ ...read, file, open: (log) => readRows({ file, log, limits: read }) });
}
