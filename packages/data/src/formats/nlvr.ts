import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { imageFile } from '../images/load-image';
import { resolveInside } from '../images/resolve-inside';
import type { BoxFacts, ReasoningExample } from '../reasoning-example';
import type { ReadFileOptions } from './coconut-json';
import type { FileLimits } from './data-file';
import { ExampleStream } from './example-stream';
import type { FaultLog } from './fault-log';
import { isObject, isText, readJsonLines } from './read-json';
import type { JsonObject } from './read-json';

export interface ReadNlvrOptions extends ReadFileOptions {
  /** The folder of the pictures, itself holding one folder a `directory`. @default `images` beside the file */
  imageFolder?: string;
}

function boxFacts(boxes: unknown): BoxFacts | undefined {
  if (!Array.isArray(boxes) || !boxes.every((box) => Array.isArray(box) && box.every(isObject))) return undefined;
  return {
    kind: 'boxes',
    boxes: (boxes as JsonObject[][]).map((box) =>
      box.map((item) => ({
        shape: String(item.type),
        colour: String(item.color),
        x: Number(item.x_loc),
        y: Number(item.y_loc),
        size: Number(item.size),
      })),
    ),
  };
}

async function* readStatements(options: {
  file: string;
  imageFolder: string;
  root: string;
  log: FaultLog;
  limits: FileLimits;
}): AsyncGenerator<ReasoningExample> {
  const { file, imageFolder, root, log, limits } = options;
  const listings = new Map<string, string[]>();
  const list = async (directory: string): Promise<string[]> => {
    const known = listings.get(directory);
    if (known) return known;
    const names = (await readdir(join(imageFolder, directory)).catch((): string[] => [])).sort();
    listings.set(directory, names);
    return names;
  };
  const split = basename(file).replace(/\.[^.]*$/, ''); // the pictures of dev.json are called dev-…
  for await (const { number, record } of readJsonLines(file, log, limits)) {
    if (
      !isObject(record) ||
      !isText(record.sentence) ||
      !isText(record.identifier) ||
      !/^\d+-\d+$/.test(record.identifier) ||
      !/^\w+$/.test(String(record.directory))
    ) {
      log.add({
        kind: 'record-malformed',
        line: number,
        message: 'the record needs `sentence`, `identifier` (as 12-0) and `directory`.',
      });
      continue;
    }
    if (record.label !== 'true' && record.label !== 'false') {
      log.add({ kind: 'answer-missing', line: number, message: '`label` is neither "true" nor "false".' });
      continue;
    }
    // A statement has up to six pictures, the same boxes in another order: SPLIT-IDENTIFIER-ORDER.png.
    const directory = String(record.directory);
    const pattern = new RegExp(`^${split.replace(/[^\w-]/g, '\\$&')}-${record.identifier}-(\\d+)\\.png$`);
    const pictures = (await list(directory)).filter((name) => pattern.test(name));
    if (pictures.length === 0) {
      log.add({
        kind: 'image-missing',
        line: number,
        message: `there is no picture ${split}-${record.identifier}-….png in ${join(imageFolder, directory)}.`,
      });
      continue;
    }
    const facts = boxFacts(record.structured_rep);
    for (const picture of pictures) {
      const resolved = resolveInside({ folder: imageFolder, root, path: join(directory, picture) });
      if ('problem' in resolved) {
        log.add({
          kind: resolved.problem === 'missing' ? 'image-missing' : 'image-outside-folder',
          line: number,
          message: `the picture ${join(directory, picture)} ${resolved.problem === 'missing' ? 'is missing' : 'leads out of the data folder; it is refused'}.`,
        });
        continue;
      }
      yield {
        id: `${record.identifier}/${pattern.exec(picture)![1]!}`,
        question: record.sentence.trim(),
        image: imageFile(resolved.path),
        steps: [],
        answer: record.label,
        ...(facts ? { facts } : {}),
      };
    }
  }
}

/**
 * Reads NLVR (Suhr et al. 2017): a line is `{ sentence, identifier, directory, label, structured_rep }`; the question
 * is the statement, the answer `true` or `false`. Each picture of a statement is an example.
 */
export function readNlvr(options: ReadNlvrOptions): ExampleStream {
  const { file, imageFolder = join(dirname(file), 'images'), ...read } = options;
  // A folder that the caller names may lie anywhere; the one beside the file may not be a link that leads away.
  const root = options.imageFolder ?? dirname(file);
  return new ExampleStream({
    ...read,
    file,
    open: (log) => readStatements({ file, imageFolder, root, log, limits: read }),
  });
}
