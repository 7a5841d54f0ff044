import { dirname } from 'node:path';
import { parse } from 'csv-parse';
import { DataError } from '../errors';
import { imageBytes, imageFile } from '../images/load-image';
import { resolveInside } from '../images/resolve-inside';
import type { ImageReference, ReasoningExample } from '../reasoning-example';
import type { ReadFileOptions } from './coconut-json';
import { ExampleStream } from './example-stream';
import type { FaultLog } from './fault-log';
import { openForReading } from './read-lines';

/** VLMEvalKit's own limit: a shorter entry in the column `image` is the index of the row that holds the image. */
const longestReference = 64;

const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

async function* readRows(options: { file: string; log: FaultLog }): AsyncGenerator<ReasoningExample> {
  const { file, log } = options;
  const handle = await openForReading(file);
  const source = handle.createReadStream();
  const rows = source.pipe(
    parse({ delimiter: '\t', columns: true, bom: true, info: true, relax_column_count: true, skip_empty_lines: true, max_record_size: 0 }),
  );
  source.on('error', (cause) => rows.destroy(cause));
  const images = new Map<string, Uint8Array>();
  let first = true;
  try {
    for await (const { record: row, info } of rows as AsyncIterable<{ record: Record<string, string | undefined>; info: { lines: number } }>) {
      const line = info.lines; // where the row ends
      if (first) {
        const missing = ['index', 'question', 'answer'].filter((column) => row[column] === undefined);
        if (row.image === undefined && row.image_path === undefined) missing.push('image');
        if (missing.length > 0) {
          throw new DataError({ code: 'file-malformed', file, line: 1, message: `the table has no column ${missing.join(', ')}; its columns are ${Object.keys(row).join(', ').slice(0, 200)}.` });
        }
        first = false;
      }
      log.report.records += 1;
      const index = row.index!.trim();
      const question = row.question?.trim() ?? '';
      if (index === '' || question === '') {
        log.add({ kind: 'record-malformed', line, message: 'the row needs `index` and `question`.' });
        continue;
      }

      let image: ImageReference | undefined;
      const encoded = row.image?.trim() ?? '';
      const path = row.image_path?.trim() ?? '';
      if (encoded.startsWith('[') || (encoded === '' && path.startsWith('['))) {
        log.add({ kind: 'images-several', line, message: `row ${index} has several images; one is supported.` });
        continue;
      } else if (encoded.length > longestReference) {
        const bytes = Buffer.from(encoded, 'base64');
        images.set(index, bytes);
        image = imageBytes({ bytes, file, line });
      } else if (encoded !== '') {
        const bytes = images.get(encoded);
        if (!bytes) {
          log.add({ kind: 'image-missing', line, message: `row ${index} takes the image of row ${encoded}, which has none before it.` });
          continue;
        }
        image = imageBytes({ bytes, file, line });
      } else if (path !== '') {
        const resolved = resolveInside({ folder: dirname(file), path });
        if ('problem' in resolved) {
          log.add({ kind: resolved.problem === 'missing' ? 'image-missing' : 'image-outside-folder', line, message: `row ${index}: the image ${path} is ${resolved.problem === 'missing' ? 'missing' : 'outside the folder'}.` });
          continue;
        }
        image = imageFile(resolved.path);
      }

      const answer = row.answer?.trim() ?? '';
      if (answer === '') {
        log.add({ kind: 'answer-missing', line, message: `row ${index} has no answer; test sets without answers can't be scored.` });
        continue;
      }
      const choices = letters.flatMap((letter) => (row[letter] === undefined || row[letter].trim() === '' ? [] : [{ letter, text: row[letter].trim() }]));
      const known = new Set(['index', 'image', 'image_path', 'question', 'answer', 'category', ...letters]);
      const metadata = Object.fromEntries(Object.entries(row).filter((entry): entry is [string, string] => !known.has(entry[0]) && !!entry[1]));
      yield {
        id: index,
        question,
        ...(image ? { image } : {}),
        steps: [],
        answer,
        ...(row.category ? { category: row.category } : {}),
        ...(choices.length > 0 ? { facts: { kind: 'choice' as const, options: choices } } : {}),
        ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
      };
    }
  } catch (cause) {
    if (DataError.isInstance(cause)) throw cause;
    const { code, lines } = cause as { code?: string; lines?: number };
    throw new DataError({
      code: code?.startsWith('CSV_') ? 'file-malformed' : 'file-unreadable',
      file,
      ...(lines === undefined ? {} : { line: lines }),
      message: `the table can't be read (${(cause as Error).message}).`,
      cause,
    });
  } finally {
    source.destroy();
    rows.destroy();
    await handle.close().catch(() => undefined);
  }
  if (first) throw new DataError({ code: 'set-empty', file, message: 'the table has no rows.' });
}

/**
 * Reads a table of VLMEvalKit (MMStar, MMBench, MM-Vet, MathVista, AI2D, HallusionBench, …): tab-separated columns
 * `index, image, question, answer`, options `A`, `B`, …, `category` and others, which become metadata. An image is
 * base64, the index of an earlier row that has it, or a path in `image_path` within the file's folder. The rows are
 * streamed; the encoded images stay in memory, as later rows may take them.
 */
export function readVlmEvalKit(options: ReadFileOptions): ExampleStream {
  const { file, ...read } = options;
  return new ExampleStream({ ...read, file, open: (log) => readRows({ file, log }) });
}
