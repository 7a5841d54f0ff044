import type { ReasoningExample } from '../reasoning-example';
import type { ReadFileOptions } from './coconut-json';
import type { FileLimits } from './data-file';
import { ExampleStream } from './example-stream';
import type { FaultLog } from './fault-log';
import { plainAnswer } from './read-json';
import { readLines } from './read-lines';

/** Equations `<<…>>` are a step each; else each summand of a long multiplication, with its plus sign, is one. */
function splitChain(chain: string): string[] {
  const equations = chain.match(/<<[^<>]*>>/g);
  if (equations && chain.replace(/<<[^<>]*>>/g, '').trim() === '') return equations;
  return chain
    .split(/(?= \+ )/)
    .map((step) => step.trim())
    .filter((step) => step !== '');
}

async function* readChains(options: {
  file: string;
  log: FaultLog;
  limits: FileLimits;
}): AsyncGenerator<ReasoningExample> {
  const { file, log, limits } = options;
  for await (const line of readLines(file, limits)) {
    log.report.records += 1;
    if (line.problem !== undefined) {
      log.add({ kind: 'text-malformed', line: line.number, message: line.problem });
      continue;
    }
    const middle = line.text.indexOf('||');
    const end = line.text.lastIndexOf('####');
    const question = line.text.slice(0, Math.max(0, middle)).trim();
    if (question === '') {
      log.add({
        kind: 'record-malformed',
        line: line.number,
        message: 'the line is not `QUESTION||CHAIN #### ANSWER`.',
      });
      continue;
    }
    const answer = end < middle ? '' : plainAnswer(line.text.slice(end + 4));
    if (answer === '') {
      log.add({ kind: 'answer-missing', line: line.number, message: 'the line has no `#### ANSWER` at its end.' });
      continue;
    }
    const chain = line.text.slice(middle + 2, end);
    yield { id: String(line.number), question, steps: splitChain(chain).map((text) => ({ text })), answer };
  }
}

/**
 * Reads the text format of Internalize CoT Step by Step (arXiv 2405.14838): a line is `QUESTION||CHAIN #### ANSWER`,
 * the chain a row of `<<…>>` equations or a long multiplication, digits from the lowest.
 */
export function readICotText(options: ReadFileOptions): ExampleStream {
  const { file, ...read } = options;
  return new ExampleStream({ ...read, file, open: (log) => readChains({ file, log, limits: read }) });
}

/** Writes an example as a line of this format. */
export function formatICotText(example: Pick<ReasoningExample, 'question' | 'steps' | 'answer'>): string {
  return `${example.question}||${example.steps.map((step) => step.text).join(' ')} #### ${example.answer}`;
}
