import { RandomStream } from '@subtext/core';

import { checkStream } from '../generators/check-stream';
import { checkWhole, colourCycle, colourWords, drawLeft, weightsOf } from '../generators/covered-cards';
import { textGenerator } from '../generators/text-generator';
import type { ReasoningExample } from '../reasoning-example';
import { drawScene } from './draw-scene';
import { type Scene, SceneGrid, sceneObjects } from './scene-world';

/** Options of {@link generateCoveredScenes}. */
export interface GenerateCoveredScenesOptions {
  /** @default Infinity: ask for as many as are needed */
  count?: number;
  /** @default 42 */
  seed?: number;
  /** Rows of cells. 1 to 3. @default 2 */
  rows?: number;
  /** Columns of cells. 1 to 4; a grid has 2 cells at least. @default 2 */
  columns?: number;
  /** Cards of which the covered cell may be one, at most. 2 to 12. @default 5 */
  left?: number;
  /** Colours that there are. 2 to 5. @default 4 */
  colours?: number;
}

/** A cell's side in pixels. */
const cellSize = 16;

/** The colours of cards that pictures have: black is what they are drawn on. */
const cardColours = colourCycle.slice(0, 5) as Exclude<(typeof colourCycle)[number], 'black'>[];

/**
 * Pictures in which something cannot be known, with what is true of it: squares on a grid, each a card of a pile, one of them
 * under a grey cover. All cards are told, more than there are cells, and asked is which colour comes some places after that of
 * the covered one, in the order of colours. `cards red green blue blue yellow turn +1` above a picture that shows red, blue and
 * yellow: green and blue are left, each equally likely under the cover, so that the answer is blue or yellow. The chain says
 * what is seen (`caption`), which cards are left (`left`), which of them is covered (`covered`) and what comes after it
 * (`after`); the last two and the answer are **drawn** from what is possible. `facts` are those of a scene without the covered
 * cell; `metadata` is as that of covered cells in a row.
 *
 * @throws DataError `invalid-option`
 */
export function* generateCoveredScenes({
  count = Infinity,
  seed = 42,
  rows = 2,
  columns = 2,
  left: mostLeft = 5,
  colours: colourCount = 4,
}: GenerateCoveredScenesOptions = {}): Generator<ReasoningExample> {
  checkStream({ count, seed });
  checkWhole({ name: 'left', value: mostLeft, least: 2, most: 12 });
  checkWhole({ name: 'colours', value: colourCount, least: 2, most: cardColours.length });
  const grid = new SceneGrid({ rows, columns });
  const name = `covered-scenes/${rows}/${columns}/${mostLeft}/${colourCount}`;
  const random = new RandomStream({ seed, name });
  for (let made = 1; made <= count; made += 1) {
    const left = drawLeft({ random, count: 1 + random.integer(mostLeft), colours: colourCount });
    const seen = Array.from({ length: grid.cells }, () => random.integer(colourCount));
    const covered = random.integer(grid.cells);
    const open = seen.filter((_, cell) => cell !== covered);
    const drawn = random.pick(left);
    const turn = 1 + random.integer(colourCount - 1);
    const after = (colour: number) => colourCycle[(colour + turn) % colourCount]!;
    const scene: Scene = {
      colours: seen.map((colour) => cardColours[colour]!),
      shapes: seen.map(() => 'square'),
    };
    yield {
      id: String(made),
      question: `cards ${colourWords([...open, ...left]).join(' ')} turn +${turn}`,
      image: {
        path: `covered-scene-${made}.png`,
        // Drawn when it is asked for, the same each time.
        load: async () =>
          drawScene({
            ...{ scene, grid, cellSize, covered },
            random: new RandomStream({ seed, name: `${name}/picture ${made}` }),
          }),
      },
      steps: [
        { name: 'caption', text: scene.colours.map((word, cell) => (cell === covered ? 'covered' : word)).join(' ') },
        { name: 'left', text: colourWords(left).join(' ') },
        { name: 'covered', text: colourCycle[drawn]! },
        { name: 'after', text: after(drawn) },
      ],
      answer: after(drawn),
      facts: {
        ...{ kind: 'scene', rows, columns },
        objects: sceneObjects({ scene, grid }).filter((_, cell) => cell !== covered),
      },
      metadata: {
        covered: colourCycle[drawn]!,
        coveredPosterior: weightsOf(colourWords(left)),
        posterior: weightsOf(left.map(after)),
      },
    };
  }
}

/** This generator as an entry of the registry. */
export const coveredScenesGenerator = textGenerator({
  name: 'covered-scenes',
  description: 'pictures of coloured squares of which one is covered: what cannot be known, with its true distribution',
  format: 'jsonl',
  defaultCounts: { train: 24000, validation: 6000, test: 1000 },
  options: {
    rows: { description: 'rows of cells', default: 2 },
    columns: { description: 'columns of cells', default: 2 },
    left: { description: 'cards of which the covered cell may be one, at most', default: 5 },
    colours: { description: 'colours that there are', default: 4 },
    repeated: { description: 'training questions repeat as they are drawn, with other draws', default: true },
  },
  repeats: ({ repeated }) => repeated as boolean,
  writer: {
    extension: 'jsonl',
    open: '',
    between: '\n',
    close: '\n',
    record: ({ id, question, image, steps, answer, metadata }) =>
      JSON.stringify({ id, image: image!.path, question, steps, answer, ...metadata }),
  },
  generate: (seed, { rows, columns, left, colours }) =>
    generateCoveredScenes({
      seed,
      rows: rows as number,
      columns: columns as number,
      left: left as number,
      colours: colours as number,
    }),
});
