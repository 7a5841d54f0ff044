import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ownValue } from '@subtext/core';
import { noPeers, type Peers } from '@subtext/core/node';
import { DataError } from '../errors';
import { formatStages } from '../formats/parse-stages';
import { writeFolder } from '../generators/write-folder';
import { encodePng } from '../images/encode-png';
import { questionOnlyBaseline } from '../measures/question-only-baseline';
import type { QuestionOnlyBaseline } from '../measures/question-only-baseline';
import { RandomStream } from '@subtext/core';
import type { SceneFacts } from '../reasoning-example';
import { drawScene } from './draw-scene';
import { drawSplits, sceneSplits } from './draw-splits';
import type { SceneSplit } from './draw-splits';
import { checkTypes, describeGlances, describeQuestion } from './scene-questions';
import type { SceneQuestionType } from './scene-questions';
import { SceneGrid, sceneObjects } from './scene-world';

/** The grids of the presets and their kinds of question. */
export const scenePresets = {
  small: { rows: 2, columns: 2, cellSize: 16, types: ['walk-shape', 'walk-colour'] },
  full: { rows: 2, columns: 3, cellSize: 16, types: ['walk-shape', 'walk-colour'] },
} as const;

export interface GenerateScenesOptions {
  /** The folder to write. Must not exist, be empty, or hold scenes of the same options (which are then kept). */
  folder: string;
  /** Examples by split, or a number for the training set alone. @default { train: 16000, validation: 500, test: 1000 } */
  count?: number | Partial<Record<SceneSplit, number>>;
  /** @default 42 */
  seed?: number;
  /** `small`: 2 × 2 cells; `full`: 2 × 3. @default 'small' */
  preset?: keyof typeof scenePresets;
  /** Rows and columns of cells. @default the preset's */
  grid?: { rows: number; columns: number };
  /** A cell's side in pixels. @default 16 */
  cellSize?: number;
  /**
   * Draw on a square canvas, as vision encoders take: a grid that is not square lies at the top left of it, so that cells
   * stay aligned with patches of their size, and the rest is black.
   * @default true
   */
  square?: boolean;
  /** The kinds of question, in equal parts. @default the preset's: walk-shape, walk-colour */
  types?: readonly SceneQuestionType[];
  /**
   * Also write `base.jsonl`: two questions of one hop about each training picture (what is in a cell, where a colour
   * is), answered without stages, from which a model learns to see before it learns to reason.
   * @default true
   */
  base?: boolean;
  /** The processes that write together, each with the same options, into a folder that all of them see: pictures are dealt. @default this one by itself */
  peers?: Peers;
  /** Called now and then with the number of pictures written. */
  onProgress?: (progress: { written: number; total: number }) => void;
  /** Stops the work; nothing is left behind. */
  signal?: AbortSignal;
}

/** What was written. */
export interface SceneReport {
  folder: string;
  counts: Record<SceneSplit, number>;
  /** How well the question alone does: the ceiling of a model that doesn't look. Undefined without held-out examples. */
  baseline: QuestionOnlyBaseline | undefined;
  /** True where the folder held these scenes already. */
  kept: boolean;
}

/** One line of the sidecar of facts. */
export interface SceneFactsRecord {
  /** The example's id. */
  id: string;
  type: SceneQuestionType | 'what' | 'where';
  facts: SceneFacts;
}

/** Raised when the same options would give other bytes. */
const formatVersion = 2;

/** The one stage of answers without a chain. */
export const answerStage = ['CONCLUSION'] as const;

function checkCounts(count: GenerateScenesOptions['count']): Record<SceneSplit, number> {
  const given =
    count === undefined
      ? { train: 16000, validation: 500, test: 1000 }
      : typeof count === 'number'
        ? { train: count }
        : count;
  const counts = { train: 0, validation: 0, test: 0, ...given };
  for (const [split, number] of Object.entries(counts)) {
    if (!sceneSplits.includes(split as SceneSplit) || !Number.isInteger(number) || number < 0 || number > 999_999) {
      throw new DataError({
        code: 'invalid-option',
        message: `count: ${split} is ${number}; counts are whole numbers to 999,999 for train, validation and test.`,
      });
    }
  }
  if (counts.train + counts.validation + counts.test === 0)
    throw new DataError({ code: 'invalid-option', message: 'count: there is nothing to generate.' });
  return counts;
}

const lines = (records: readonly unknown[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('');
const turn = (question: string, answer: string): object[] => [
  { from: 'human', value: question },
  { from: 'gpt', value: answer },
];

/**
 * Writes pictures of coloured shapes on a grid, with questions that take two hops or more, in the layout of
 * LLaVA-CoT: `train.jsonl`, `validation.jsonl`, `test.jsonl`, images under `images/`, and the truth of each picture in
 * `SPLIT.facts.jsonl`. Answers are balanced within each type of question; the same options give the same bytes.
 * The folder appears whole or not at all.
 * @throws DataError `invalid-option` or `space-exhausted`
 */
export async function generateScenes(options: GenerateScenesOptions): Promise<SceneReport> {
  const preset = ownValue<(typeof scenePresets)[keyof typeof scenePresets]>(scenePresets, options.preset ?? 'small');
  if (!preset)
    throw new DataError({
      code: 'invalid-option',
      message: `there is no preset ${options.preset}; presets are ${Object.keys(scenePresets).join(', ')}.`,
    });
  const {
    seed = 42,
    cellSize = preset.cellSize,
    types = preset.types,
    square = true,
    base = true,
    peers = noPeers,
    onProgress,
    signal,
  } = options;
  const { rows, columns } = options.grid ?? preset;
  if (!Number.isSafeInteger(seed))
    throw new DataError({ code: 'invalid-option', message: `seed: ${seed} is not a whole number.` });
  if (!Number.isInteger(cellSize) || cellSize < 8 || cellSize > 512)
    throw new DataError({
      code: 'invalid-option',
      message: `cellSize: ${cellSize} is not a whole number from 8 to 512.`,
    });
  const grid = new SceneGrid({ rows, columns });
  checkTypes({ types, grid });
  const counts = checkCounts(options.count);
  const drawn = drawSplits({ seed, grid, types, counts });

  const write = async (partial: string): Promise<void> => {
    const total = counts.train + counts.validation + counts.test;
    let written = 0;
    for (const split of sceneSplits.filter((name) => counts[name] > 0)) {
      const pixels = new RandomStream({ seed, name: `pictures/${split}` });
      const glances = new RandomStream({ seed, name: 'glances' });
      mkdirSync(join(partial, 'images', split), { recursive: true });
      const records: object[] = [];
      const facts: SceneFactsRecord[] = [];
      const baseRecords: object[] = [];
      const baseFacts: SceneFactsRecord[] = [];
      for (const [index, question] of drawn[split].entries()) {
        const { scene, type } = question;
        const number = String(index + 1).padStart(6, '0');
        const image = `images/${split}/${number}.png`;
        // Every process draws, since one stream has the chances of all pictures; to write them is what takes time.
        const picture = drawScene({ scene, grid, cellSize, square, random: pixels });
        if (index % peers.size === peers.rank) writeFileSync(join(partial, image), encodePng(picture));
        const told = describeQuestion({ question, grid });
        const truth: SceneFacts = { kind: 'scene', rows, columns, objects: sceneObjects({ scene, grid }) };
        records.push({
          id: `${split}-${number}`,
          image,
          conversations: turn(
            told.question,
            formatStages({ texts: [told.summary, told.caption, told.reasoning, told.answer] }),
          ),
        });
        facts.push({ id: `${split}-${number}`, type, facts: truth });
        if (base && split === 'train') {
          const pairs = describeGlances({ scene, grid, random: glances });
          const conversations = pairs.flatMap((pair) =>
            turn(pair.question, formatStages({ texts: [pair.answer], stages: answerStage })),
          );
          baseRecords.push({ id: `base-${number}`, image, conversations });
          pairs.forEach((pair, at) =>
            baseFacts.push({ id: `base-${number}#${at + 1}`, type: pair.type, facts: truth }),
          );
        }
        written += 1;
        if (written % 250 === 0 || written === total) {
          onProgress?.({ written, total });
          await new Promise((done) => setImmediate(done));
          signal?.throwIfAborted();
        }
      }
      if (peers.rank > 0) continue;
      writeFileSync(join(partial, `${split}.jsonl`), lines(records));
      writeFileSync(join(partial, `${split}.facts.jsonl`), lines(facts));
      if (baseRecords.length > 0) {
        writeFileSync(join(partial, 'base.jsonl'), lines(baseRecords));
        writeFileSync(join(partial, 'base.facts.jsonl'), lines(baseFacts));
      }
    }
  };

  const manifest = {
    generator: 'scenes',
    formatVersion,
    seed,
    grid: { rows, columns },
    cellSize,
    square,
    types,
    base,
    counts,
  };
  const state = await writeFolder({ folder: options.folder, manifest, peers, write });
  const asked = (...names: SceneSplit[]) =>
    names.flatMap((split) =>
      drawn[split].map((question) => ({ category: question.type, ...describeQuestion({ question, grid }) })),
    );
  const baseline =
    counts.train > 0 && counts.test + counts.validation > 0
      ? questionOnlyBaseline({ train: asked('train'), heldOut: asked('test', 'validation') })
      : undefined;
  return { folder: resolve(options.folder), counts, baseline, kept: state === 'kept' };
}
