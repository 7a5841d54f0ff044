import { join } from 'node:path';
import { DataError } from '../errors';
import type { FileLimits } from '../formats/data-file';
import { ExampleStream } from '../formats/example-stream';
import type { ReadOptions } from '../formats/example-stream';
import { readLlavaCot } from '../formats/llava-cot';
import { parseExactJson } from '../formats/exact-json';
import { isObject, isText } from '../formats/read-json';
import { readLines } from '../formats/read-lines';
import type { ImageReference, ReasoningExample, SceneFacts } from '../reasoning-example';
import type { SceneSplit } from './draw-splits';
import { answerStage } from './generate-scenes';
import type { SceneFactsRecord } from './generate-scenes';

/** An example about a generated picture. */
export interface SceneExample extends ReasoningExample {
  image: ImageReference;
  category: SceneFactsRecord['type'];
  facts: SceneFacts;
}

export interface ReadScenesOptions extends ReadOptions {
  /** A folder that `generateScenes` wrote. */
  folder: string;
  /** `base`: the questions of one hop. @default 'train' */
  split?: SceneSplit | 'base';
  /** Give the examples in an order shuffled by this seed. @default undefined: in the file's order */
  shuffleSeed?: number;
}

function isFactsRecord(record: unknown): record is SceneFactsRecord {
  if (!isObject(record) || typeof record.id !== 'string' || typeof record.type !== 'string' || !isObject(record.facts))
    return false;
  const { kind, rows, columns, objects } = record.facts;
  const told =
    Array.isArray(objects) &&
    objects.every(
      (object) => isObject(object) && isText(object.colour) && isText(object.shape) && isText(object.place),
    );
  return kind === 'scene' && Number.isInteger(rows) && Number.isInteger(columns) && told;
}

async function readFacts(file: string, limits: FileLimits): Promise<Map<string, SceneFactsRecord>> {
  const facts = new Map<string, SceneFactsRecord>();
  for await (const line of readLines(file, limits)) {
    if (line.problem !== undefined)
      throw new DataError({ code: 'text-malformed', file, line: line.number, message: line.problem });
    let record: unknown;
    try {
      record = parseExactJson({ text: line.text, name: 'the line' });
    } catch (cause) {
      throw new DataError({
        code: 'record-malformed',
        file,
        line: line.number,
        message: `${(cause as Error).message}.`,
        cause,
      });
    }
    if (!isFactsRecord(record)) {
      throw new DataError({
        code: 'record-malformed',
        file,
        line: line.number,
        message:
          'the line needs `id`, `type` and `facts` with `rows`, `columns` and `objects` of `colour`, `shape` and `place`.',
      });
    }
    facts.set(record.id, record);
  }
  return facts;
}

/** Reads a split of generated scenes: each example's `category` is its type of question, its `facts` the picture's truth. */
export function readScenes(options: ReadScenesOptions): ExampleStream<SceneExample> {
  const { folder, split = 'train', shuffleSeed, ...read } = options;
  const file = `${split}.jsonl`;
  const factsFile = join(folder, `${split}.facts.jsonl`);
  return new ExampleStream({
    ...read,
    file: join(folder, file),
    async *open(log): AsyncGenerator<SceneExample> {
      const facts = await readFacts(factsFile, read);
      // Its own log: the outer stream counts examples, the inner one records and faults.
      const inner = readLlavaCot({
        folder,
        file,
        ...(split === 'base' ? { stages: answerStage } : {}),
        ...(shuffleSeed === undefined ? {} : { shuffleSeed }),
        ...(read.strict === undefined ? {} : { strict: read.strict }),
        ...(read.maximumLineBytes === undefined ? {} : { maximumLineBytes: read.maximumLineBytes }),
        onFault: (fault) => log.add(fault),
      });
      for await (const example of inner) {
        log.report.records = inner.faults.records;
        const truth = facts.get(example.id);
        if (!truth)
          throw new DataError({
            code: 'record-malformed',
            file: factsFile,
            message: `there are no facts for ${example.id}; generate the scenes again.`,
          });
        if (!example.image)
          throw new DataError({
            code: 'record-malformed',
            file: join(folder, file),
            message: `${example.id} has no picture; generate the scenes again.`,
          });
        yield { ...example, image: example.image, category: truth.type, facts: truth.facts };
      }
      log.report.records = inner.faults.records;
    },
  });
}
