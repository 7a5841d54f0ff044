import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError } from '../errors';
import { formatStages } from '../formats/parse-stages';
import { encodePng } from '../images/encode-png';
import { questionOnlyBaseline } from '../measures/question-only-baseline';
import type { QuestionOnlyBaseline } from '../measures/question-only-baseline';
import { RandomStream } from '../random';
import type { SceneFacts } from '../reasoning-example';
import { drawScene } from './draw-scene';
import { checkTypes, drawQuestion, possibleAnswers, sceneQuestionTypes, tellQuestion } from './scene-questions';
import type { SceneQuestion, SceneQuestionType } from './scene-questions';
import { SceneGrid, sceneObjects } from './scene-world';

/** The splits in the order they are drawn: the test set stays the same when the training set grows. */
const splits = ['test', 'validation', 'train'] as const;
export type SceneSplit = (typeof splits)[number];

/** The grids of the presets. */
export const scenePresets = {
  small: { rows: 2, columns: 2, cellSize: 16 },
  full: { rows: 2, columns: 3, cellSize: 16 },
} as const;

export interface GenerateScenesOptions {
  /** The folder to write. Must not exist, be empty, or hold scenes of the same options (which are then kept). */
  folder: string;
  /** Examples by split, or a number for the training set alone. @default { train: 12000, validation: 500, test: 1000 } */
  count?: number | Partial<Record<SceneSplit, number>>;
  /** @default 42 */
  seed?: number;
  /** `small`: 2 × 2 cells; `full`: 2 × 3. @default 'small' */
  preset?: keyof typeof scenePresets;
  /** Rows and columns of cells. @default the preset's */
  grid?: { rows: number; columns: number };
  /** A cell's side in pixels. @default 16 */
  cellSize?: number;
  /** The kinds of question, in equal parts. @default all: move, twin, count */
  types?: readonly SceneQuestionType[];
  /** Called now and then with the number of examples written. */
  onProgress?: (progress: { written: number; total: number }) => void;
  /** Stops the work; nothing is left behind. */
  signal?: AbortSignal;
}

/** What was written. */
export interface SceneReport {
  folder: string;
  counts: Record<SceneSplit, number>;
  /** How well the question alone does: the ceiling of a model that doesn't look at the picture. */
  baseline: QuestionOnlyBaseline | undefined;
  /** True where the folder held these scenes already. */
  reused: boolean;
}

const manifestName = 'scenes.json';
/** Raised when the same options would give other bytes. */
const formatVersion = 1;

interface Manifest {
  kind: 'scenes';
  formatVersion: number;
  seed: number;
  grid: { rows: number; columns: number };
  cellSize: number;
  types: readonly SceneQuestionType[];
  counts: Record<SceneSplit, number>;
}

/** One line of the sidecar of facts. */
export interface SceneFactsRecord {
  id: string;
  type: SceneQuestionType;
  facts: SceneFacts;
}

function checkCounts(count: GenerateScenesOptions['count']): Record<SceneSplit, number> {
  const given = count === undefined ? { train: 12000, validation: 500, test: 1000 } : typeof count === 'number' ? { train: count } : count;
  const counts = { train: 0, validation: 0, test: 0, ...given };
  for (const [split, number] of Object.entries(counts)) {
    if (!(split in { train: 0, validation: 0, test: 0 }) || !Number.isInteger(number) || number < 0) {
      throw new DataError({ code: 'option-invalid', message: `count: ${split} is ${number}; counts are whole numbers for train, validation and test.` });
    }
  }
  if (counts.train + counts.validation + counts.test === 0) throw new DataError({ code: 'option-invalid', message: 'count: nothing to generate.' });
  return counts;
}

function sceneHash(...parts: string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('base64');
}

/** Draws every split's questions: no scene stands in two splits, no question is asked twice of a scene. */
function drawSplits(manifest: Manifest, grid: SceneGrid): Record<SceneSplit, SceneQuestion[]> {
  const owner = new Map<string, SceneSplit>();
  const asked = new Set<string>();
  const drawn: Record<SceneSplit, SceneQuestion[]> = { train: [], validation: [], test: [] };
  for (const split of splits) {
    const random = new RandomStream(manifest.seed, `scenes/${split}`);
    const plan = Array.from({ length: manifest.counts[split] }, (_, index) => {
      const type = manifest.types[index % manifest.types.length]!;
      const answers = possibleAnswers({ type, grid });
      return { type, answer: answers[Math.floor(index / manifest.types.length) % answers.length]! };
    });
    for (const { type, answer } of random.shuffle(plan)) {
      let attempts = 0;
      for (;;) {
        const question = drawQuestion({ type, answer, grid, random });
        const scene = sceneHash(question.scene.colours.join(' '), question.scene.shapes.join(' '));
        const whole = sceneHash(scene, tellQuestion({ question, grid }).question);
        if ((owner.get(scene) ?? split) === split && !asked.has(whole)) {
          owner.set(scene, split);
          asked.add(whole);
          drawn[split].push(question);
          break;
        }
        attempts += 1;
        if (attempts === 10_000) {
          throw new DataError({
            code: 'space-exhausted',
            message: `no new scene was found for example ${drawn[split].length + 1} of ${split}: a grid of ${grid.rows} × ${grid.columns} has too few scenes for these counts; take fewer or a larger grid.`,
          });
        }
      }
    }
  }
  return drawn;
}

async function checkFolder(folder: string, manifest: Manifest): Promise<'new' | 'same'> {
  if (!existsSync(folder)) return 'new';
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (cause) {
    throw new DataError({ code: 'option-invalid', file: folder, message: `this is not a folder to write to (${(cause as Error).message}).`, cause });
  }
  if (entries.length === 0) return 'new';
  if (entries.includes(manifestName) && readFileSync(join(folder, manifestName), 'utf8') === formatManifest(manifest)) return 'same';
  throw new DataError({ code: 'option-invalid', file: folder, message: 'the folder holds other files; remove it or name another.' });
}

function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/**
 * Writes pictures of coloured shapes on a grid, with questions that take two hops or more, in the layout of
 * LLaVA-CoT: `train.jsonl`, `validation.jsonl`, `test.jsonl`, images under `images/`, and the truth of each picture in
 * `SPLIT.facts.jsonl`. Answers are balanced within each type of question; the same options give the same bytes.
 * The folder appears whole or not at all.
 * @throws DataError `option-invalid` or `space-exhausted`
 */
export async function generateScenes(options: GenerateScenesOptions): Promise<SceneReport> {
  const preset = scenePresets[options.preset ?? 'small'];
  if (!preset) throw new DataError({ code: 'option-invalid', message: `there is no preset ${options.preset}; presets are ${Object.keys(scenePresets).join(', ')}.` });
  const { seed = 42, cellSize = preset.cellSize, types = sceneQuestionTypes, onProgress, signal } = options;
  const { rows, columns } = options.grid ?? preset;
  if (!Number.isSafeInteger(seed)) throw new DataError({ code: 'option-invalid', message: `seed: ${seed} is not a whole number.` });
  if (!Number.isInteger(cellSize) || cellSize < 8 || cellSize > 512) throw new DataError({ code: 'option-invalid', message: `cellSize: ${cellSize} is not a whole number from 8 to 512.` });
  const grid = new SceneGrid({ rows, columns });
  checkTypes({ types, grid });
  const counts = checkCounts(options.count);
  const folder = resolve(options.folder);
  const manifest: Manifest = { kind: 'scenes', formatVersion, seed, grid: { rows, columns }, cellSize, types, counts };
  const state = await checkFolder(folder, manifest);

  const drawn = drawSplits(manifest, grid);
  const told = (split: SceneSplit) => drawn[split].map((question) => ({ category: question.type, ...tellQuestion({ question, grid }) }));
  const heldOut = [...told('test'), ...told('validation')];
  const baseline = counts.train > 0 && heldOut.length > 0 ? questionOnlyBaseline({ train: told('train'), heldOut }) : undefined;
  const report = { folder, counts, baseline };
  if (state === 'same') return { ...report, reused: true };

  const partial = join(dirname(folder), `.${basename(folder)}.partial-${randomBytes(4).toString('hex')}`);
  try {
    const total = counts.train + counts.validation + counts.test;
    let written = 0;
    for (const split of splits) {
      if (counts[split] === 0) continue;
      const random = new RandomStream(seed, `pictures/${split}`);
      mkdirSync(join(partial, 'images', split), { recursive: true });
      const records: string[] = [];
      const facts: string[] = [];
      for (const [index, question] of drawn[split].entries()) {
        const number = String(index + 1).padStart(6, '0');
        const id = `${split}-${number}`;
        const image = `images/${split}/${number}.png`;
        writeFileSync(join(partial, image), encodePng(drawScene({ scene: question.scene, grid, cellSize, random })));
        const text = tellQuestion({ question, grid });
        const answer = formatStages({ texts: [text.summary, text.caption, text.reasoning, text.answer] });
        records.push(JSON.stringify({ id, image, conversations: [{ from: 'human', value: text.question }, { from: 'gpt', value: answer }] }));
        const truth: SceneFactsRecord = { id, type: question.type, facts: { kind: 'scene', rows, columns, objects: sceneObjects({ scene: question.scene, grid }) } };
        facts.push(JSON.stringify(truth));
        written += 1;
        if (written % 250 === 0) {
          onProgress?.({ written, total });
          await new Promise((done) => setImmediate(done));
          signal?.throwIfAborted();
        }
      }
      writeFileSync(join(partial, `${split}.jsonl`), `${records.join('\n')}\n`);
      writeFileSync(join(partial, `${split}.facts.jsonl`), `${facts.join('\n')}\n`);
    }
    onProgress?.({ written, total });
    writeFileSync(join(partial, manifestName), formatManifest(manifest));
    if (existsSync(folder)) rmSync(folder, { recursive: true }); // it is empty: checkFolder saw to that
    renameSync(partial, folder);
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true });
    throw cause;
  }
  return { ...report, reused: false };
}
