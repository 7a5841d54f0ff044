import { RandomStream } from '@subtext/core';

import type { ReasoningExample } from '../reasoning-example';
import { checkStream } from './check-stream';
import { checkWhole, colourCycle, colourWords, drawLeft, weightsOf } from './covered-cards';
import { textGenerator } from './text-generator';

export interface GenerateCoveredCellsOptions {
  /** @default Infinity: ask for as many as are needed */
  count?: number;
  /** @default 42 */
  seed?: number;
  /** Cells of the row. 3 to 16. @default 8 */
  cells?: number;
  /** Covered cells, at most; at least 2. Below `cells`. @default 6 */
  covered?: number;
  /** Colours that there are. 2 to 6. @default 4 */
  colours?: number;
}

/**
 * Scenes in which something cannot be known, with what is true of it: a row of cells, all of whose colours are told but not
 * their order, some of them covered. Asked is which colour comes some places after that of one covered cell, in the order of
 * colours. `cards red red green blue row ? _ red _ turn +1`: what is left for the three covered cells is red, green and blue,
 * each equally likely under `?`, so that the answer is green, blue or yellow. The chain says what is left, which colour the
 * cell has, and what comes after that; it and the answer are **drawn** from what is possible, as the world would draw them.
 * `metadata`: the cell's colour as it was drawn (`covered`), and the true distributions of that (`coveredPosterior`) and of
 * the answer (`posterior`), as weights: `red=2, green=1`.
 */
export function* generateCoveredCells({
  count = Infinity,
  seed = 42,
  cells = 8,
  covered: mostCovered = 6,
  colours: colourCount = 4,
}: GenerateCoveredCellsOptions = {}): Generator<ReasoningExample> {
  checkStream({ count, seed });
  checkWhole({ name: 'cells', value: cells, least: 3, most: 16 });
  checkWhole({ name: 'covered', value: mostCovered, least: 2, most: cells - 1 });
  checkWhole({ name: 'colours', value: colourCount, least: 2, most: colourCycle.length });
  const colours = colourCycle.slice(0, colourCount);
  const random = new RandomStream({ seed, name: `covered-cells/${cells}/${mostCovered}/${colourCount}` });
  for (let made = 1; made <= count; made += 1) {
    const coveredCount = 2 + random.integer(mostCovered - 1);
    const left = drawLeft({ random, count: coveredCount, colours: colourCount });
    const open = Array.from({ length: cells - coveredCount }, () => random.integer(colourCount));
    const marks = [...open.map((colour) => colours[colour]!), '?', ...new Array<string>(coveredCount - 1).fill('_')];
    const drawn = random.pick(left);
    const turn = 1 + random.integer(colourCount - 1);
    const after = (colour: number) => (colour + turn) % colourCount;
    yield {
      id: String(made),
      question: `cards ${colourWords([...open, ...left]).join(' ')} row ${random.shuffle(marks).join(' ')} turn +${turn}`,
      steps: [
        { text: `left ${colourWords(left).join(' ')}` },
        { text: `covered ${colours[drawn]!}` },
        { text: `${colours[drawn]!} +${turn} ${colours[after(drawn)]!}` },
      ],
      answer: colours[after(drawn)]!,
      metadata: {
        covered: colours[drawn]!,
        coveredPosterior: weightsOf(colourWords(left)),
        posterior: weightsOf(left.map((colour) => colours[after(colour)]!)),
      },
    };
  }
}

/** This generator as an entry of the registry. */
export const coveredCellsGenerator = textGenerator({
  name: 'covered-cells',
  description: 'rows of cells, some covered: irreducible uncertainty with its true distribution',
  format: 'jsonl',
  defaultCounts: { train: 24000, validation: 6000, test: 1000 },
  options: {
    cells: { description: 'cells per row', default: 8 },
    covered: { description: 'maximum number of covered cells', default: 6 },
    colours: { description: 'number of colours', default: 4 },
    repeated: { description: 'training questions may repeat, with newly sampled answers', default: true },
  },
  repeats: ({ repeated }) => repeated as boolean,
  writer: {
    extension: 'jsonl',
    open: '',
    between: '\n',
    close: '\n',
    record: ({ id, question, steps, answer, metadata }) =>
      JSON.stringify({ id, question, steps: steps.map(({ text }) => text), answer, ...metadata }),
  },
  generate: (seed, { cells, covered, colours }) =>
    generateCoveredCells({
      seed,
      cells: cells as number,
      covered: covered as number,
      colours: colours as number,
    }),
});
