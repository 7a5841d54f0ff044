import { DataError } from '../errors';
import type { ReasoningExample } from '../reasoning-example';
import type { ReadFileOptions } from './coconut-json';
import type { FileLimits } from './data-file';
import { ExampleStream } from './example-stream';
import type { FaultLog } from './fault-log';
import { isObject, isText, isTextList, readJson } from './read-json';

export interface ReadProntoQAOptions extends ReadFileOptions {
  /** `all` questions, or only the `test` question of each group, without those meant as demonstrations. @default 'all' */
  part?: 'all' | 'test';
}

async function* readGroups(options: {
  file: string;
  part: 'all' | 'test';
  log: FaultLog;
  limits: FileLimits;
}): AsyncGenerator<ReasoningExample> {
  const { file, part, log, limits } = options;
  const groups = await readJson(file, limits);
  if (!isObject(groups))
    throw new DataError({
      code: 'file-malformed',
      file,
      message: 'the file is not a JSON object of groups `example1`, `example2`, ….',
    });
  let number = 0;
  for (const [groupName, group] of Object.entries(groups)) {
    if (!isObject(group)) {
      log.add({ kind: 'record-malformed', line: number + 1, message: `${groupName} is not an object.` });
      continue;
    }
    for (const [name, record] of Object.entries(group)) {
      if (part === 'test' && name !== 'test_example') continue;
      number += 1;
      log.report.records += 1;
      const id = `${groupName}/${name}`;
      if (!isObject(record) || !isText(record.question) || !isText(record.query)) {
        log.add({
          kind: 'record-malformed',
          line: number,
          message: `${id} needs \`question\` and \`query\`, both text.`,
        });
      } else if (!isTextList(record.chain_of_thought)) {
        log.add({
          kind: 'record-malformed',
          line: number,
          message: `${id}: \`chain_of_thought\` is not a list of texts.`,
        });
      } else if (record.answer !== 'True' && record.answer !== 'False') {
        log.add({ kind: 'answer-missing', line: number, message: `${id}: \`answer\` is neither "True" nor "False".` });
      } else {
        // A chain is: a fact, then a rule and its conclusion for each hop.
        const hops = (record.chain_of_thought.length - 1) / 2;
        yield {
          id,
          question: `${record.question} ${record.query}`,
          steps: record.chain_of_thought.map((text) => ({ text })),
          answer: record.answer,
          category: `${hops} hops`,
        };
      }
    }
  }
}

/**
 * Reads ProntoQA (arXiv 2210.01240): a JSON object of groups, each of questions
 * `{ question, query, chain_of_thought: [text, …], answer: 'True' | 'False' }`.
 */
export function readProntoQA(options: ReadProntoQAOptions): ExampleStream {
  const { file, part = 'all', ...read } = options;
  return new ExampleStream({ ...read, file, open: (log) => readGroups({ file, part, log, limits: read }) });
}
