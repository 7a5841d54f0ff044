import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readLlavaCot } from '../formats/llava-cot';
import type { DecodedImage } from '../images/decoded-image';
import type { ReasoningExample, SceneFacts } from '../reasoning-example';
import { captionFacts, scoreCaptionFacts } from './caption-facts';
import { generateScenes, scenePresets } from './generate-scenes';
import type { SceneReport } from './generate-scenes';
import { readScenes } from './read-scenes';
import { sceneQuestionTypes } from './scene-questions';
import { sceneColours, sceneColourNames } from './scene-world';
import { scenesGenerator } from './scenes-generator';

let root: string;
let folder: string;
let report: SceneReport;
const count = { train: 1200, validation: 60, test: 240 };
const examples: Record<'train' | 'validation' | 'test' | 'base', ReasoningExample[]> = {
  train: [],
  validation: [],
  test: [],
  base: [],
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'subtext-scenes-'));
  folder = join(root, 'scenes');
  report = await generateScenes({ folder, count, seed: 5, types: sceneQuestionTypes });
  for (const split of ['train', 'validation', 'test', 'base'] as const)
    examples[split] = await readScenes({ folder, split, strict: true }).toArray();
});

const facts = (example: ReasoningExample): SceneFacts => example.facts as SceneFacts;

/** One digest of all files of a folder, with their names. */
async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(path, { recursive: true })).sort()) {
    if (/\.\w+$/.test(name)) hash.update(name).update(await readFile(join(path, name)));
  }
  return hash.digest('hex');
}

/** Answers the question from the facts, by a way of its own: from the question's words, with rows and columns from the place's words. */
function answerFromFacts(example: ReasoningExample): string {
  const { objects } = facts(example);
  const columns = objects.some(({ place }) => place.endsWith('centre'))
    ? ['left', 'centre', 'right']
    : ['left', 'right'];
  const at = (place: string): [number, number] => [
    place.startsWith('bottom') ? 1 : 0,
    columns.indexOf(place.split('-')[1]!),
  ];
  const words = example.question.split(' ');
  const colour = /^start at the (\w+) object and /.exec(example.question)?.[1];
  const start = colour === undefined ? at(words[3]!) : at(objects.find((object) => object.colour === colour)!.place);
  const steps = { right: [0, 1], left: [0, -1], down: [1, 0], up: [-1, 0] } as Record<string, [number, number]>;
  const goal = words
    .filter((_, index) => words[index - 1] === 'go')
    .reduce<[number, number]>(([row, column], move) => [row + steps[move]![0], column + steps[move]![1]], start);
  const target = objects.find((object) => at(object.place).join() === goal.join())!;
  const same = objects.filter((object) => object.shape === target.shape);
  if (example.question.includes(' what shape ')) return target.shape;
  if (example.question.includes(' how many ')) return String(same.length);
  if (example.question.includes(' what colour ')) {
    expect(target.colour).not.toBe(colour);
    return target.colour;
  }
  expect(example.question).toMatch(/ which other has that shape \?$/);
  const others = same.filter((object) => object !== target);
  expect(others).toHaveLength(1);
  expect(others[0]!.colour).not.toBe(colour);
  return others[0]!.colour;
}

/** The colour nearest to the middle of each cell of a picture of 2 × 2 cells. */
function seenColours(image: DecodedImage): string[] {
  return [0, 1, 2, 3].map((cell) => {
    const x = (cell % 2) * 16 + 8;
    const y = Math.floor(cell / 2) * 16 + 8;
    const pixel = image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3);
    const distance = (name: keyof typeof sceneColours): number =>
      sceneColours[name].reduce((sum, level, channel) => sum + (level - pixel[channel]!) ** 2, 0);
    return sceneColourNames.reduce((best, name) => (distance(name) < distance(best) ? name : best));
  });
}

describe('generateScenes', () => {
  test('writes the layout of LLaVA-CoT, which the plain reader takes without a fault', async () => {
    const stream = readLlavaCot({ folder, strict: true });
    const read = await stream.toArray();
    expect(read).toHaveLength(count.train);
    expect(read[0]!.steps.map((step) => step.name)).toEqual(['summary', 'caption', 'reasoning']);
    expect(stream.faults).toMatchObject({ records: count.train, dropped: 0, counts: {} });
    expect((await readdir(folder)).sort()).toEqual([
      'base.facts.jsonl',
      'base.jsonl',
      'dataset.json',
      'images',
      'test.facts.jsonl',
      'test.jsonl',
      'train.facts.jsonl',
      'train.jsonl',
      'validation.facts.jsonl',
      'validation.jsonl',
    ]);
  });

  test('every answer follows from the picture’s facts', () => {
    for (const example of [...examples.train, ...examples.validation, ...examples.test])
      expect(answerFromFacts(example)).toBe(example.answer);
  });

  test('every caption tells exactly the facts, and every reasoning ends in the answer', () => {
    for (const example of [...examples.train, ...examples.test]) {
      expect(captionFacts(example.steps[1]!.text)).toEqual(
        facts(example).objects.map(({ colour, shape, place }) => ({ colour, shape, place })),
      );
      expect(example.steps[2]!.text.split(' ')).toContain(example.answer);
      expect(example.question.split(' ')).toHaveLength(example.category!.startsWith('walk-') ? 17 : 15);
      expect(example.steps[0]!.text).toMatch(/^first .* \.$/);
    }
  });

  test('the pictures show the facts', async () => {
    for (const example of examples.test.slice(0, 60)) {
      const image = await example.image!.load();
      expect([image.width, image.height]).toEqual([32, 32]);
      expect(seenColours(image)).toEqual(facts(example).objects.map((object) => object.colour));
    }
    // A square fills its box, a circle π/4 of it, a triangle and a cross about half.
    const lit = (image: DecodedImage, cell: number): number => {
      let pixels = 0;
      for (let y = 0; y < 16; y += 1)
        for (let x = 0; x < 16; x += 1)
          if (image.data[((Math.floor(cell / 2) * 16 + y) * 32 + (cell % 2) * 16 + x) * 3 + 1]! > 0) pixels += 1;
      return pixels;
    };
    const sums: Record<string, number[]> = {};
    for (const example of examples.test) {
      const image = await example.image!.load();
      facts(example).objects.forEach((object, cell) => (sums[object.shape] ??= []).push(lit(image, cell)));
    }
    const mean = (shape: string): number => sums[shape]!.reduce((a, b) => a + b, 0) / sums[shape]!.length;
    expect(mean('square')).toBeGreaterThan(mean('circle') - 12);
    expect(mean('circle')).toBeGreaterThan(mean('cross') + 20);
    expect(mean('circle')).toBeGreaterThan(mean('triangle') + 20);
  });

  test('the base split asks questions of one hop about the training pictures', () => {
    expect(examples.base).toHaveLength(2 * count.train);
    for (const example of examples.base) {
      const { objects } = facts(example);
      expect(example.steps).toEqual([]);
      if (example.category === 'what') {
        const object = objects.find(({ place }) => example.question === `what is in the ${place} ?`)!;
        expect(example.answer).toBe(`${object.colour} ${object.shape}`);
      } else {
        const object = objects.find(({ colour }) => example.question === `where is the ${colour} object ?`)!;
        expect(example.answer).toBe(object.place);
      }
    }
    expect(examples.base[0]!.image!.path).toBe(examples.train[0]!.image!.path);
  });

  test('types, and answers within a type, are equally frequent', () => {
    for (const split of ['train', 'test'] as const) {
      const frequency: Record<string, Record<string, number>> = {};
      for (const { category, answer } of examples[split])
        (frequency[category!] ??= {})[answer] = (frequency[category!]![answer] ?? 0) + 1;
      expect(Object.keys(frequency).sort()).toEqual([...sceneQuestionTypes].sort());
      expect(
        Object.values(frequency)
          .map((answers) => Object.keys(answers).length)
          .sort(),
      ).toEqual([3, 4, 4, 6, 6, 6]);
      for (const answers of Object.values(frequency)) {
        const counts = Object.values(answers);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        expect(
          Math.abs(counts.reduce((a, b) => a + b, 0) - count[split] / sceneQuestionTypes.length),
        ).toBeLessThanOrEqual(1);
      }
    }
  });

  test('the question gives away neither the answer nor the caption', () => {
    // The mean chance of the six types is 23 %; the bound adds four standard errors at 300 held-out examples.
    expect(report.baseline!.examples).toBe(300);
    expect(Object.keys(report.baseline!.byCategory).sort()).toEqual([...sceneQuestionTypes].sort());
    expect(report.baseline!.accuracy).toBeLessThan(0.23 + 4 * Math.sqrt(0.18 / 300));
    // Another picture's caption, asked the same question, is no better than chance (1/6 of colours, 1/4 of shapes), apart from the start's colour.
    const byQuestion = new Map<string, ReasoningExample>();
    let right = 0;
    let total = 0;
    for (const example of examples.train) {
      const other = byQuestion.get(example.question);
      if (other) {
        const score = scoreCaptionFacts({
          predicted: captionFacts(other.steps[1]!.text),
          truth: facts(example).objects,
        });
        right += score.facts.right;
        total += score.facts.total;
      }
      byQuestion.set(example.question, example);
    }
    expect(total).toBeGreaterThan(5000);
    expect(right / total).toBeLessThan(0.3);
  });

  test('no scene stands in two splits, no question is asked twice of a scene', () => {
    const scene = (example: ReasoningExample): string => JSON.stringify(facts(example).objects);
    const scenes = (['train', 'validation', 'test'] as const).map((split) => new Set(examples[split].map(scene)));
    for (const [index, first] of scenes.entries())
      for (const second of scenes.slice(index + 1)) expect([...first].filter((key) => second.has(key))).toEqual([]);
    const asked = [...examples.train, ...examples.validation, ...examples.test].map(
      (example) => scene(example) + example.question,
    );
    expect(new Set(asked).size).toBe(asked.length);
  });

  test('the same seed gives the same bytes, another seed others; the test set does not depend on the training set', async () => {
    const small = { train: 40, validation: 10, test: 30 };
    await generateScenes({ folder: join(root, 'a'), count: small, seed: 9 });
    await generateScenes({ folder: join(root, 'b'), count: small, seed: 9 });
    await generateScenes({ folder: join(root, 'c'), count: small, seed: 10 });
    await generateScenes({ folder: join(root, 'd'), count: { ...small, train: 80 }, seed: 9 });
    expect(await digest(join(root, 'b'))).toBe(await digest(join(root, 'a')));
    expect(await digest(join(root, 'c'))).not.toBe(await digest(join(root, 'a')));
    expect(await readFile(join(root, 'd', 'test.jsonl'), 'utf8')).toBe(
      await readFile(join(root, 'a', 'test.jsonl'), 'utf8'),
    );
    expect(await readFile(join(root, 'd', 'images', 'test', '000030.png'))).toEqual(
      await readFile(join(root, 'a', 'images', 'test', '000030.png')),
    );
    // The bytes of this format version: a change here means other pictures or texts for everybody's seeds.
    expect(await digest(join(root, 'a'))).toMatchInlineSnapshot(
      `"83c4f9a8e2e73db8062791895c80c2a699ddefc614253b81dacd40ae880a694b"`,
    );
  });

  test('the presets ask walks', async () => {
    for (const preset of ['small', 'full'] as const) {
      const target = join(root, `preset-${preset}`);
      await generateScenes({ folder: target, preset, count: 40, seed: 2 });
      const read = await readScenes({ folder: target, strict: true }).toArray();
      expect(read.filter(({ category }) => category === 'walk-shape')).toHaveLength(20);
      expect(read.filter(({ category }) => category === 'walk-colour')).toHaveLength(20);
      expect(scenesGenerator.options.types!.default).toBe(scenePresets[preset].types.join(','));
    }
  });

  test('larger grids work, on a square canvas unless asked otherwise', async () => {
    const full = join(root, 'full');
    await generateScenes({
      folder: full,
      preset: 'full',
      types: sceneQuestionTypes,
      count: { train: 120, test: 20 },
      seed: 1,
    });
    const read = await readScenes({ folder: full, strict: true }).toArray();
    for (const asked of read) expect(answerFromFacts(asked)).toBe(asked.answer);
    const [example] = read;
    expect(facts(example!).objects.map((object) => object.place)).toEqual([
      'top-left',
      'top-centre',
      'top-right',
      'bottom-left',
      'bottom-centre',
      'bottom-right',
    ]);
    const image = await example!.image!.load();
    expect([image.width, image.height]).toEqual([48, 48]);
    // The grid lies at the top left, the third row of cells is empty; on a canvas of its own size it looks the same.
    const drawnBytes = 48 * 32 * 3;
    expect(image.data.subarray(drawnBytes).every((level) => level === 0)).toBe(true);
    // The bytes of this format version, of every type on a canvas that is filled up.
    expect(await digest(full)).toMatchInlineSnapshot(
      `"27f303d10d7742907c778ed86e3fd3f012195625ebc1d191bcc13609f81da883"`,
    );
    const bare = join(root, 'bare');
    await generateScenes({
      folder: bare,
      preset: 'full',
      types: sceneQuestionTypes,
      square: false,
      count: { train: 120, test: 20 },
      seed: 1,
    });
    const narrow = await (await readScenes({ folder: bare }).toArray())[0]!.image.load();
    expect([narrow.width, narrow.height]).toEqual([48, 32]);
    expect(image.data.subarray(0, drawnBytes)).toEqual(narrow.data);
    const column = join(root, 'column');
    await generateScenes({ folder: column, grid: { rows: 3, columns: 1 }, count: 4, base: false });
    const tall = await (await readScenes({ folder: column }).toArray())[0]!.image.load();
    expect([tall.width, tall.height]).toEqual([48, 48]);
    for (let row = 0; row < 48; row += 1) {
      const pixels = tall.data.subarray(row * 48 * 3, (row + 1) * 48 * 3);
      expect(pixels.subarray(16 * 3).every((level) => level === 0)).toBe(true);
      if (row % 16 === 8) expect(pixels.some((level) => level > 0)).toBe(true);
    }
    await expect(
      generateScenes({
        folder: bare,
        preset: 'full',
        types: sceneQuestionTypes,
        count: { train: 120, test: 20 },
        seed: 1,
      }),
    ).rejects.toMatchObject({ code: 'invalid-option', file: bare });
    const row = join(root, 'row');
    await generateScenes({
      folder: row,
      grid: { rows: 1, columns: 4 },
      types: ['shape'],
      count: 20,
      seed: 1,
      base: false,
    });
    expect(facts((await readScenes({ folder: row }).toArray())[0]!).objects.map((object) => object.place)).toEqual([
      'first',
      'second',
      'third',
      'fourth',
    ]);
    expect(existsSync(join(row, 'base.jsonl'))).toBe(false);
  });

  test('a folder with the same scenes is kept, one with anything else is refused', async () => {
    const again = await generateScenes({ folder, count, seed: 5, types: sceneQuestionTypes });
    expect(again).toEqual({ ...report, kept: true });
    await expect(generateScenes({ folder, count, seed: 6, types: sceneQuestionTypes })).rejects.toMatchObject({
      code: 'invalid-option',
      file: folder,
    });
    await mkdir(join(root, 'other'));
    await writeFile(join(root, 'other', 'notes.txt'), 'mine');
    await expect(generateScenes({ folder: join(root, 'other'), count: 3 })).rejects.toMatchObject({
      code: 'invalid-option',
    });
    expect(await readdir(join(root, 'other'))).toEqual(['notes.txt']);
    await expect(generateScenes({ folder: join(root, 'other', 'notes.txt'), count: 3 })).rejects.toMatchObject({
      code: 'invalid-option',
    });
  });

  test('stopped halfway it leaves nothing', async () => {
    const stop = new AbortController();
    const target = join(root, 'stopped');
    const seen: number[] = [];
    const work = generateScenes({
      folder: target,
      count: 1000,
      signal: stop.signal,
      onProgress: ({ written }) => {
        seen.push(written);
        if (written === 500) stop.abort();
      },
    });
    await expect(work).rejects.toThrow(/abort/i);
    expect(seen).toEqual([250, 500]);
    expect((await readdir(root)).filter((name) => name.includes('stopped'))).toEqual([]);
  });

  test('impossible options are refused with the reason', async () => {
    const target = join(root, 'never');
    for (const bad of [
      { grid: { rows: 3, columns: 3 } },
      { grid: { rows: 4, columns: 1 } },
      { grid: { rows: 1, columns: 2 }, types: ['twin' as const] },
      { preset: 'huge' as 'full' },
      { types: [] },
      { types: ['guess' as 'shape'] },
      { count: -1 },
      { count: 0 },
      { count: { train: 1.5 } },
      { count: { other: 3 } as object },
      { cellSize: 2 },
      { seed: 0.5 },
    ]) {
      await expect(generateScenes({ folder: target, count: 5, ...bad })).rejects.toMatchObject({
        name: 'DataError',
        code: 'invalid-option',
      });
    }
    await expect(
      generateScenes({ folder: target, grid: { rows: 1, columns: 2 }, types: ['shape'], count: 5000 }),
    ).rejects.toMatchObject({ code: 'space-exhausted' });
    expect(existsSync(target)).toBe(false);
  });

  test('missing facts are named', async () => {
    const broken = join(root, 'broken');
    await generateScenes({ folder: broken, count: 4 });
    await writeFile(join(broken, 'train.facts.jsonl'), '{"id":"x"}\n');
    await expect(readScenes({ folder: broken }).toArray()).rejects.toMatchObject({ code: 'record-malformed', line: 1 });
    await rm(join(broken, 'train.facts.jsonl'));
    await expect(readScenes({ folder: broken }).toArray()).rejects.toMatchObject({
      code: 'not-found',
      file: join(broken, 'train.facts.jsonl'),
    });
  });
});
