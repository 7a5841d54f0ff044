import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { findOverlap, formats, generateModularArithmetic } from '../../../packages/data/dist/index.js';

/** What is drawn. Settings were chosen on other draws. */
export const drawn = { seed: 42, modulus: 6, steps: { minimum: 2, maximum: 4 }, test: 600, train: 40_000 };

/**
 * Draws the test set, each question once, then the training set, of other questions, which repeat as they are drawn: there
 * are few short ones. Checks by hash that the two share none.
 */
export async function drawData({ folder }) {
  const paths = { test: join(folder, 'test.json'), train: join(folder, 'train.json') };
  const report = join(folder, 'report.json');
  if (existsSync(report)) return { ...paths, ...JSON.parse(await readFile(report, 'utf8')) };
  await mkdir(folder, { recursive: true });
  const { seed, modulus, steps } = drawn;
  const stream = generateModularArithmetic({ seed, modulus, steps, filled: true });
  const held = new Set();
  const test = [];
  while (test.length < drawn.test) {
    const example = stream.next().value;
    if (held.has(example.question)) continue;
    held.add(example.question);
    test.push(example);
  }
  const train = [];
  while (train.length < drawn.train) {
    const example = stream.next().value;
    if (!held.has(example.question)) train.push(example);
  }
  const write = (path, examples) =>
    writeFile(
      path,
      `[\n${examples.map(({ question, steps: chain, answer }) => JSON.stringify({ question, steps: chain.map(({ text }) => text), answer })).join(',\n')}\n]\n`,
    );
  await write(paths.test, test);
  await write(paths.train, train);
  const read = (path) => formats['coconut-json'].read({ file: path, strict: true });
  const overlap = await findOverlap({ train: read(paths.train), heldOut: read(paths.test) });
  if (overlap.count > 0) throw new Error(`${overlap.count} questions of the test set are in the training set.`);
  const answers = [...'012345'].map((answer) => test.filter((example) => example.answer === answer).length);
  const found = {
    drawn,
    overlap: overlap.count,
    differentQuestions: new Set(train.map(({ question }) => question)).size,
    byLength: Object.fromEntries(
      [2, 3, 4].map((length) => [length, test.filter((example) => example.steps.length === length).length]),
    ),
    commonestAnswer: Math.max(...answers) / test.length,
    example: { question: train[0].question, steps: train[0].steps.map(({ text }) => text), answer: train[0].answer },
  };
  await writeFile(report, `${JSON.stringify(found, null, 1)}\n`);
  return { ...paths, ...found };
}
