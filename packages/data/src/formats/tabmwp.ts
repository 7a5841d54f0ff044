import { dirname, join } from 'node:path';
import { DataError } from '../errors';
import { imageFile } from '../images/load-image';
import { resolveInside } from '../images/resolve-inside';
import type { ReasoningExample } from '../reasoning-example';
import type { ReadFileOptions } from './coconut-json';
import type { FileLimits } from './data-file';
import { ExampleStream } from './example-stream';
import type { FaultLog } from './fault-log';
import { asText, isObject, isText, isTextList, plainAnswer, readJson } from './read-json';

export interface ReadTabMwpOptions extends ReadFileOptions {
  /** The folder of the tables' pictures, `ID.png`. @default `tables` beside the file */
  imageFolder?: string;
}

async function* readProblems(options: {
  file: string;
  imageFolder: string;
  root: string;
  log: FaultLog;
  limits: FileLimits;
}): AsyncGenerator<ReasoningExample> {
  const { file, imageFolder, root, log, limits } = options;
  const problems = await readJson(file, limits);
  if (!isObject(problems))
    throw new DataError({
      code: 'file-malformed',
      file,
      message: 'the file is not a JSON object of problems by number.',
    });
  let number = 0;
  for (const [id, problem] of Object.entries(problems)) {
    number += 1;
    log.report.records += 1;
    if (
      !isObject(problem) ||
      !isText(problem.question) ||
      (problem.choices !== null && problem.choices !== undefined && !isTextList(problem.choices))
    ) {
      log.add({
        kind: 'record-malformed',
        line: number,
        message: `problem ${id} needs \`question\`, text, and \`choices\`, null or a list of texts.`,
      });
      continue;
    }
    const answer = asText(problem.answer);
    if (answer === undefined) {
      log.add({ kind: 'answer-missing', line: number, message: `problem ${id} has no \`answer\`.` });
      continue;
    }
    const image = resolveInside({ folder: imageFolder, root, path: `${id}.png` });
    if ('problem' in image) {
      log.add({
        kind: image.problem === 'missing' ? 'image-missing' : 'image-outside-folder',
        line: number,
        message: `there is no picture ${id}.png in ${imageFolder}.`,
      });
      continue;
    }
    const metadata: Record<string, string> = {};
    for (const key of ['unit', 'table_title', 'table', 'ques_type', 'ans_type', 'grade']) {
      if (problem[key] !== null && problem[key] !== undefined) metadata[key] = String(problem[key]);
    }
    yield {
      id,
      question: problem.question,
      image: imageFile(image.path),
      steps: (typeof problem.solution === 'string' ? problem.solution : '')
        .split('\n')
        .map((text) => ({ text: text.trim() }))
        .filter((step) => step.text !== ''),
      answer: plainAnswer(answer),
      ...(typeof problem.ques_type === 'string' ? { category: problem.ques_type } : {}),
      ...(problem.choices
        ? {
            facts: {
              kind: 'choice' as const,
              options: problem.choices.map((text, index) => ({ letter: String.fromCharCode(65 + index), text })),
            },
          }
        : {}),
      metadata,
    };
  }
}

/**
 * Reads TabMWP (arXiv 2209.14610): a JSON object of problems by number, `{ question, choices, answer, unit, table,
 * solution, … }`, with a picture of each table. The lines of the solution are the steps; unit and table are metadata.
 */
export function readTabMwp(options: ReadTabMwpOptions): ExampleStream {
  const { file, imageFolder = join(dirname(file), 'tables'), ...read } = options;
  // A folder that the caller names may lie anywhere; the one beside the file may not be a link that leads away.
  const root = options.imageFolder ?? dirname(file);
  return new ExampleStream({
    ...read,
    file,
    open: (log) => readProblems({ file, imageFolder, root, log, limits: read }),
  });
}
