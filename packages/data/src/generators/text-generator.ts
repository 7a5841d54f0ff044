import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DataError } from '../errors';
import type { FormatName } from '../formats/registry';
import { encodePng } from '../images/encode-png';
import { contentKey } from '../measures/content-key';
import type { ReasoningExample } from '../reasoning-example';
import { settleCounts, settleOptions } from './dataset-generator';
import type { DatasetGenerator, DatasetSplit, GeneratorOption } from './dataset-generator';
import { writeFolder } from './write-folder';
import { RandomStream } from '@subtext/core';

/** How the examples of a text set become a file. */
export interface ExampleWriter {
  extension: string;
  open: string;
  between: string;
  close: string;
  /** The example's picture, where it has one, has its path in the folder. */
  record(example: ReasoningExample, index: number): string;
}

/** One JSON array, a record a line. */
export const jsonArray = (record: (example: ReasoningExample) => object): ExampleWriter => ({
  extension: 'json',
  open: '[\n',
  between: ',\n',
  close: '\n]\n',
  record: (example) => JSON.stringify(record(example)),
});

/** A generator of texts, and of their pictures where examples have some: examples from one endless stream, each content once unless it may repeat, dealt to test, validation and training set in turn. */
export function textGenerator(definition: {
  name: string;
  description: string;
  format: FormatName;
  defaultCounts: Record<DatasetSplit, number>;
  options: Record<string, GeneratorOption>;
  writer: ExampleWriter;
  generate(seed: number, options: Record<string, number | string | boolean>): Iterable<ReasoningExample>;
  /** Whether a training question may stand there more than once; never one of another split. @default never */
  repeats?(options: Record<string, number | string | boolean>): boolean;
  /** The same text for examples that are one and the same for a solver, such as mirrored ones: no two splits have one of a kind, whatever their seeds. @default every content is a kind of its own */
  kind?(example: ReasoningExample): string;
}): DatasetGenerator {
  const { name, description, format, defaultCounts, options: known, writer, generate } = definition;
  return {
    description,
    format,
    defaultCounts,
    options: known,
    async write({ folder, counts: givenCounts, seed = 42, options = {}, peers, onProgress, signal }) {
      if (!Number.isSafeInteger(seed))
        throw new DataError({ code: 'invalid-option', message: `seed: ${seed} is not a whole number.` });
      const settled = settleOptions({ known, given: options });
      const counts = settleCounts(defaultCounts, givenCounts);
      const splits = (['test', 'validation', 'train'] as const).filter((split) => counts[split] > 0);
      const total = counts.train + counts.validation + counts.test;
      const examples = generate(seed, settled)[Symbol.iterator]();
      const seen = new Set<string>();
      const repeats = definition.repeats?.(settled) ?? false;
      const next = async (split: DatasetSplit): Promise<ReasoningExample> => {
        for (let attempt = 0; attempt < 10_000; attempt += 1) {
          const { value: example, done } = examples.next() as IteratorResult<ReasoningExample, undefined>;
          if (done === true) break;
          const key = await contentKey(example);
          if (seen.has(key)) continue;
          if (definition.kind && splitOfKind(definition.kind(example)) !== split) continue;
          // Training questions come last: what they leave out is what the other splits hold.
          if (split !== 'train' || !repeats) seen.add(key);
          return example;
        }
        throw new DataError({
          code: 'space-exhausted',
          message: `after ${seen.size} examples no new one was found: these options allow too few; take fewer.`,
        });
      };
      const write = async (partial: string): Promise<void> => {
        let written = 0;
        for (const split of splits) {
          const stream = createWriteStream(join(partial, `${split}.${writer.extension}`));
          try {
            stream.write(writer.open);
            for (let index = 0; index < counts[split]; index += 1) {
              const example = await next(split);
              const image = await writePicture({ partial, split, index, image: example.image });
              const record = writer.record({ ...example, ...(image && { image }) }, index);
              if (!stream.write(index === 0 ? record : writer.between + record)) await once(stream, 'drain');
              written += 1;
              if (written % 1000 === 0 || written === total) {
                onProgress?.({ written, total });
                await new Promise((done) => setImmediate(done));
                signal?.throwIfAborted();
              }
            }
          } finally {
            stream.end(writer.close);
            await once(stream, 'close');
          }
        }
      };
      const state = await writeFolder({
        folder,
        manifest: { generator: name, formatVersion: 1, seed, options: settled, counts },
        peers,
        // Whether an example is new depends on all before it: texts are made one after the other.
        write: (peers?.rank ?? 0) === 0 ? write : async () => undefined,
      });
      const files = Object.fromEntries(
        splits.map((split) => [split, join(resolve(folder), `${split}.${writer.extension}`)]),
      );
      return { folder: resolve(folder), files, counts, kept: state === 'kept', notes: [] };
    },
  };
}

/** Writes an example's picture to `images/SPLIT/NUMBER.png`, and names it so. */
async function writePicture({
  partial,
  split,
  index,
  image,
}: {
  partial: string;
  split: DatasetSplit;
  index: number;
  image: ReasoningExample['image'];
}): Promise<ReasoningExample['image']> {
  if (image === undefined) return undefined;
  const path = `images/${split}/${String(index + 1).padStart(6, '0')}.png`;
  if (index === 0) await mkdir(join(partial, 'images', split), { recursive: true });
  await writeFile(join(partial, path), encodePng(await image.load()));
  return { ...image, path };
}

/** The split that a kind belongs to: a tenth of the kinds each for test and validation. */
function splitOfKind(kind: string): DatasetSplit {
  const share = new RandomStream({ seed: 0, name: `kind ${kind}` }).uniform();
  return share < 0.1 ? 'test' : share < 0.2 ? 'validation' : 'train';
}
