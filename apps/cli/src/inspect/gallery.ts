import { readTextFile } from '@subtext/core/node';
import { normalizeAnswer, type ReasoningExample } from '@subtext/data';
import type { CardExample, CardPicture, CardThought } from '@subtext/decoder/cards';
import { stageName } from '@subtext/reasoner';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';

import type { ServedPictures } from './served-pictures';

/** A picture file of a run. */
export interface ServedPicture {
  name: string;
  /** Its place among the pictures that the page may read. */
  picture: number;
}

/** An example of a gallery; its picture is a place among those that the page may read, what was drawn is in it. */
export type ServedGalleryItem = Omit<CardExample, 'image'> & { picture?: number };

/** The most examples of a run's gallery, wrong ones among them as far as there are any; and the most pictures of a folder. */
const MOST_EXAMPLES = 24;
const MOST_PICTURES = 24;
const MOST_BYTES = 2 ** 26;

/**
 * What a run answered to examples that it never saw, as its report shows it: of `evaluation.json` and `use.json` in its
 * folder. Empty where there is none; whatever the files say becomes text, or is left out.
 */
export async function readGallery({
  folder,
  examples,
  pictures,
}: {
  folder: string;
  /** Examples whose steps are the truth of those with the same question. */
  examples: readonly ReasoningExample[];
  pictures: ServedPictures;
}): Promise<ServedGalleryItem[]> {
  const evaluation = await readRecord(join(folder, 'evaluation.json'));
  const evaluated = recordsOf(evaluation.examples);
  const changed = recordsOf((await readRecord(join(folder, 'use.json'))).changed);
  const drawnStage = isRecord(evaluation.drawings) ? evaluation.drawings.stage : undefined;
  const right = evaluated.filter(({ correct }) => correct === true);
  const wrong = evaluated.filter(({ correct }) => correct !== true).slice(0, MOST_EXAMPLES / 2);
  const shown = [...right.slice(0, MOST_EXAMPLES - wrong.length), ...wrong];
  return Promise.all(
    shown.map(async (one) => {
      const picture = typeof one.image === 'string' ? await pictures.add(one.image) : undefined;
      const id = String(one.id);
      return {
        name: id,
        question: String(one.question),
        answer: typeof one.answer === 'string' ? one.answer : null,
        expected: String(one.expected),
        correct: one.correct === true,
        ...(picture !== undefined && { picture }),
        ...(typeof one.text === 'string' && { output: one.text }),
        counts: countsOf(one.tokens),
        thoughts: thoughtsOf({
          one,
          truth: examples.find((example) => example.id === id && example.question === one.question),
          changed: changed.filter((change) => change.id === one.id),
          drawnStage: typeof drawnStage === 'string' ? drawnStage : undefined,
        }),
      };
    }),
  );
}

/** Picture files in a run's folder. */
export async function picturesIn({
  folder,
  pictures,
}: {
  folder: string;
  pictures: ServedPictures;
}): Promise<ServedPicture[]> {
  const names = (await readdir(folder)).filter((name) => /\.(png|jpe?g|gif|webp)$/i.test(name)).sort();
  const found = await Promise.all(
    names.slice(0, MOST_PICTURES).map(async (name) => ({ name, picture: await pictures.add(join(folder, name)) })),
  );
  return found.flatMap(({ name, picture }) => (picture === undefined ? [] : [{ name: basename(name), picture }]));
}

type Told = Record<string, unknown>;

function thoughtsOf({
  one,
  truth,
  changed,
  drawnStage,
}: {
  one: Told;
  truth: ReasoningExample | undefined;
  changed: readonly Told[];
  /** The stage that was drawn, if one was. */
  drawnStage: string | undefined;
}): CardThought[] {
  const read = isRecord(one.explanations) ? one.explanations : {};
  const drawn = drawnStage === undefined ? undefined : drawingOf(one.drawing);
  const stages = new Set([
    ...Object.keys(read),
    ...(drawn ? [drawnStage!] : []),
    ...changed.map(({ stage }) => String(stage)),
  ]);
  return [...stages].map((stage) => ({
    stage,
    reading: typeof read[stage] === 'string' ? read[stage] : null,
    truth: truth?.steps.find((step, index) => stageName({ step, index }) === stage)?.text ?? null,
    ...(drawn && stage === drawnStage && { drawing: drawn }),
    changes: changed.filter((change) => change.stage === stage).map(changeOf),
  }));
}

function changeOf({ kind, stage, change, answer, expected }: Told): NonNullable<CardThought['changes']>[number] {
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  const [said, follows] = [text(answer), text(expected)];
  return {
    change: kind === 'exchanged' ? `the ${String(stage)} of ${String(change)}` : String(change),
    answer: said,
    expected: follows,
    follows: said !== null && follows !== null && normalizeAnswer(said) === normalizeAnswer(follows),
  };
}

/** A drawing that the file holds itself; any other address is none. */
function drawingOf(drawing: unknown): CardPicture | undefined {
  if (typeof drawing !== 'string' || !/^data:image\/png;base64,[A-Za-z0-9+/]+=*$/.test(drawing)) return undefined;
  return { source: drawing, alternativeText: 'What was drawn of the thought', pixelated: true };
}

function countsOf(tokens: unknown): string[] {
  if (!isRecord(tokens)) return [];
  const names = { generated: 'generated tokens', withoutTags: 'without tags', thinking: 'thinking tokens' };
  return Object.entries(names).flatMap(([name, words]) =>
    typeof tokens[name] === 'number' ? [`${tokens[name]} ${words}`] : [],
  );
}

/** What a file holds; nothing where it cannot be read. */
async function readRecord(path: string): Promise<Told> {
  try {
    const told: unknown = JSON.parse(await readTextFile({ path, maximumBytes: MOST_BYTES }));
    return isRecord(told) ? told : {};
  } catch {
    return {};
  }
}

const recordsOf = (value: unknown): Told[] => (Array.isArray(value) ? value.filter(isRecord) : []);
const isRecord = (value: unknown): value is Told =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
