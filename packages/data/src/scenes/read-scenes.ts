import { join } from 'node:path';
import { DataError } from '../errors';
import { ExampleStream } from '../formats/example-stream';
import type { ReadOptions } from '../formats/example-stream';
import { readLlavaCot } from '../formats/llava-cot';
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

async function readFacts(file: string): Promise<Map<string, SceneFactsRecord>> {
  const facts = new Map<string, SceneFactsRecord>();
  for await (const line of readLines(file)) {
    let record: Partial<SceneFactsRecord>;
    try {
      record = JSON.parse(line.text) as typeof record;
    } catch (cause) {
      throw new DataError({ code: 'record-malformed', file, line: line.number, message: `the line is not JSON: ${(cause as Error).message}.`, cause });
    }
    if (typeof record?.id !== 'string' || typeof record.type !== 'string' || !Array.isArray(record.facts?.objects)) {
      throw new DataError({ code: 'record-malformed', file, line: line.number, message: 'the line needs `id`, `type` and `facts.objects`.' });
    }
    facts.set(record.id, record as SceneFactsRecord);
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
      const facts = await readFacts(factsFile);
      // Its own log: the outer stream counts examples, the inner one records and faults.
      const inner = readLlavaCot({
        folder,
        file,
        ...(split === 'base' ? { stages: answerStage } : {}),
        ...(shuffleSeed === undefined ? {} : { shuffleSeed }),
        ...(read.strict === undefined ? {} : { strict: read.strict }),
        onFault: (fault) => log.add(fault),
      });
      for await (const example of inner) {
        log.report.records = inner.faults.records;
        const truth = facts.get(example.id);
        if (!truth) throw new DataError({ code: 'record-malformed', file: factsFile, message: `there are no facts for ${example.id}; generate the scenes again.` });
        if (!example.image) throw new DataError({ code: 'record-malformed', file: join(folder, file), message: `${example.id} has no picture; generate the scenes again.` });
        yield { ...example, image: example.image, category: truth.type, facts: truth.facts };
      }
      log.report.records = inner.faults.records;
    },
  });
}
