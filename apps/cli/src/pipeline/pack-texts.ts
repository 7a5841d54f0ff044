import { readTextFile } from '@subtext/core/node';
import { UsageError } from '@subtext/terminal';

/** The largest text that is read, in bytes: more than any model's context takes. */
const MOST_BYTES = 2 ** 26;

/** Documents one after another, as they are. @throws FileError */
export async function readDocuments(paths: readonly string[]): Promise<string> {
  const texts: string[] = [];
  for (const path of paths) texts.push(await readTextFile({ path, maximumBytes: MOST_BYTES }));
  return texts.join('');
}

/** The lines of a file that hold anything. @throws UsageError where there is none; FileError */
export async function readQuestions(path: string): Promise<string[]> {
  const text = await readTextFile({ path, maximumBytes: MOST_BYTES });
  const questions = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (questions.length === 0) throw new UsageError(`${path} contains no questions. Write one per line.`);
  return questions;
}
