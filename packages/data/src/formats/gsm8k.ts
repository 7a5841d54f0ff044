import type { ReasoningExample } from '../reasoning-example';
import type { ReadFileOptions } from './coconut-json';
import type { FileLimits } from './data-file';
import { ExampleStream } from './example-stream';
import type { FaultLog } from './fault-log';
import { isObject, isText, plainAnswer, readJsonLines } from './read-json';

export interface ReadGsm8kOptions extends ReadFileOptions {
  /**
   * What to do with the calculator's marks, `<<48/2=24>>`: `keep` them in the sentences, `remove` them, or make `only`
   * them the steps, which is the form of GSM8K-Aug.
   * @default 'keep'
   */
  marks?: 'keep' | 'remove' | 'only';
}

const mark = /<<[^<>]*>>/g;

async function* readProblems(options: {
  file: string;
  marks: 'keep' | 'remove' | 'only';
  log: FaultLog;
  limits: FileLimits;
}): AsyncGenerator<ReasoningExample> {
  const { file, marks, log, limits } = options;
  for await (const { number, record } of readJsonLines(file, log, { ...limits, columns: ['question', 'answer'] })) {
    const fail = (kind: 'record-malformed' | 'answer-missing', message: string): void =>
      log.add({ kind, line: number, message });
    if (!isObject(record) || !isText(record.question) || !isText(record.answer)) {
      fail('record-malformed', 'the record needs `question` and `answer`, both text.');
      continue;
    }
    const at = record.answer.lastIndexOf('####');
    const answer = at === -1 ? '' : plainAnswer(record.answer.slice(at + 4));
    if (answer === '') {
      fail('answer-missing', 'the answer has no "#### RESULT" at its end.');
      continue;
    }
    const solution = record.answer.slice(0, at);
    const steps =
      marks === 'only'
        ? (solution.match(mark) ?? [])
        : (marks === 'remove' ? solution.replace(mark, '') : solution).split('\n');
    yield {
      id: String(number),
      question: record.question,
      steps: steps.map((text) => ({ text: text.trim() })).filter((step) => step.text !== ''),
      answer,
    };
  }
}

/** Reads GSM8K (arXiv 2110.14168): a line is `{ question, answer }`, the answer is a sentence a line and `#### RESULT`. */
export function readGsm8k(options: ReadGsm8kOptions): ExampleStream {
  const { file, marks = 'keep', ...read } = options;
  return new ExampleStream({ ...read, file, open: (log) => readProblems({ file, marks, log, limits: read }) });
}
