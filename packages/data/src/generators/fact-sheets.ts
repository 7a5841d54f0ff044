import { RandomStream } from '@subtext/core';

import { DataError } from '../errors';
import type { ReasoningExample } from '../reasoning-example';
import { jsonArray, textGenerator } from './text-generator';

/** A document of made-up facts, and everything that can be asked about it. */
export interface FactSheet {
  /** A line for each person, such as `Ada:Rome,tea`; names, towns and drinks each stand there once. */
  text: string;
  questions: readonly FactQuestion[];
}

/** A question that a sheet answers with one word. */
export interface FactQuestion {
  question: string;
  answer: string;
  /** What is asked: of a person the town or the drink, or whose these are. */
  kind: FactKind;
  /** Which of its kind's ways to ask it is in, from 0. */
  wording: number;
}

type FactKind = 'town' | 'drink' | 'of-town' | 'of-drink';

export interface GenerateFactSheetsOptions {
  /** @default 42 */
  seed?: number;
  /** People of a sheet, at least and at most: whole numbers from 1 to 24. @default { minimum: 12, maximum: 12 } */
  people?: { minimum: number; maximum: number };
  /** Whether every second sheet is of the words of the one before, each matched with others: it gives other answers to the same questions. @default false */
  twins?: boolean;
}

const names =
  `Ada Alan Anna Axel Bert Cleo Dora Emil Enid Erik Finn Gina Hana Hugo Ida Ivan Jane John Kate Lars Lena Mara Nils Nora
  Olga Otto Paul Rosa Ruth Tara Theo Vera`.split(/\s+/);
const towns =
  `Accra Basel Berne Bonn Cairo Cork Dakar Delhi Genoa Ghent Izmir Kyiv Lagos Lima Lodz Lyon Malmo Minsk Nice Oslo Osaka
  Paris Porto Pune Quito Rabat Riga Rome Seoul Sofia Split Tunis`.split(/\s+/);
const drinks =
  `ale broth cider chai cocoa coffee cola cream gin grog juice kefir lassi latte malt mate mead milk mocha nectar port
  punch rum sake shake sherry soda syrup tea tonic water wine`.split(/\s+/);
const mostPeople = 24;

type Person = { name: string; town: string; drink: string };
/** By kind, its two ways to ask, and the answer. */
const kinds: Record<FactKind, { ask: readonly ((person: Person) => string)[]; answer: (person: Person) => string }> = {
  town: { ask: [({ name }) => `home:${name}?`, ({ name }) => `where:${name}?`], answer: ({ town }) => town },
  drink: { ask: [({ name }) => `drink:${name}?`, ({ name }) => `what:${name}?`], answer: ({ drink }) => drink },
  'of-town': {
    ask: [({ town }) => `guest:${town}?`, ({ town }) => `who:${town}?`],
    answer: ({ name }) => name,
  },
  'of-drink': {
    ask: [({ drink }) => `guest:${drink}?`, ({ drink }) => `who:${drink}?`],
    answer: ({ name }) => name,
  },
};

/**
 * Makes sheets of facts: each person has a town and a drink, which no other of the sheet has, and four things can be asked
 * of each (the two of the person, the person of either), in two wordings each: 8 questions a person.
 *
 * @throws DataError `invalid-option`
 */
export function* generateFactSheets({
  seed = 42,
  people = { minimum: 12, maximum: 12 },
  twins = false,
}: GenerateFactSheetsOptions = {}): Generator<FactSheet, never> {
  const { minimum, maximum } = people;
  if (![minimum, maximum].every(Number.isInteger) || minimum < 1 || maximum < minimum || maximum > mostPeople)
    throw new DataError({
      code: 'invalid-option',
      message: `people: ${minimum} to ${maximum} is not a range of whole numbers from 1 to ${mostPeople}.`,
    });
  const random = new RandomStream({ seed, name: 'fact-sheets' });
  for (;;) {
    const count = minimum + random.integer(maximum - minimum + 1);
    const [own, homes, taken] = [names, towns, drinks].map((words) => random.shuffle([...words]).slice(0, count)) as [
      string[],
      string[],
      string[],
    ];
    yield sheetOf({ names: own, towns: homes, drinks: taken });
    if (!twins || count === 1) continue;
    const shifted = (words: readonly string[]) => {
      const by = 1 + random.integer(count - 1);
      return words.map((_, index) => words[(index + by) % count]!);
    };
    yield sheetOf({ names: own, towns: shifted(homes), drinks: shifted(taken) });
  }
}

/** The sheet of people in the order of their names. */
function sheetOf(words: { names: readonly string[]; towns: readonly string[]; drinks: readonly string[] }): FactSheet {
  const people = words.names.map((name, index) => ({
    name,
    town: words.towns[index]!,
    drink: words.drinks[index]!,
  }));
  return {
    text: people.map(({ name, town, drink }) => `${name}:${town},${drink}\n`).join(''),
    questions: people.flatMap((person) =>
      (Object.keys(kinds) as FactKind[]).flatMap((kind) =>
        kinds[kind].ask.map((ask, wording) => ({
          question: ask(person),
          answer: kinds[kind].answer(person),
          kind,
          wording,
        })),
      ),
    ),
  };
}

/**
 * Examples of reading a sheet: the question is the sheet and what is asked first. With more than one question, each step
 * is an answer as the format `lines` writes it and the next question, so that a model learns of all of them in one sequence.
 * A line of the sheet between them, recited, teaches to look back for what stood behind a word, which answering needs too.
 */
export function* generateFactQuestions({
  questions = 1,
  recited = false,
  ...sheets
}: GenerateFactSheetsOptions & {
  /** Asked of each sheet, one after the other: a whole number from 1 to 8. @default 1 */
  questions?: number;
  /** Whether a line of the sheet stands before each further question. @default false */
  recited?: boolean;
} = {}): Generator<ReasoningExample> {
  if (!Number.isInteger(questions) || questions < 1 || questions > 8)
    throw new DataError({
      code: 'invalid-option',
      message: `questions: ${questions} is not a whole number from 1 to 8, as many as there are about one person.`,
    });
  const random = new RandomStream({ seed: sheets.seed ?? 42, name: 'fact-questions' });
  let made = 0;
  for (const { text, questions: all } of generateFactSheets(sheets)) {
    const asked = random.shuffle([...all]).slice(0, questions);
    const lines = text.split(/(?<=\n)/);
    const between = () => (recited ? random.pick(lines) : '');
    yield {
      id: String(++made),
      question: `${text}${asked[0]!.question}`,
      steps: asked
        .slice(1)
        .map(({ question }, index) => ({ text: `### ${asked[index]!.answer}\n${between()}${question}` })),
      answer: asked.at(-1)!.answer,
    };
  }
}

/** This generator as an entry of the registry. */
export const factSheetsGenerator = textGenerator({
  name: 'fact-sheets',
  description: 'sheets of made-up facts, with questions that only the sheet answers: Ada:Rome,tea; home:Ada?',
  format: 'coconut-json',
  defaultCounts: { train: 20000, validation: 500, test: 1000 },
  options: {
    minimumPeople: { description: 'minimum people per sheet', default: 12 },
    maximumPeople: { description: 'maximum people per sheet', default: 12 },
    questions: { description: 'questions per sheet, one after the other', default: 1 },
    recited: { description: 'repeat a line of the sheet before each further question', default: false },
  },
  writer: jsonArray(({ question, steps, answer }) => ({ question, steps: steps.map((step) => step.text), answer })),
  generate: (seed, { minimumPeople, maximumPeople, questions, recited }) =>
    generateFactQuestions({
      seed,
      people: { minimum: minimumPeople as number, maximum: maximumPeople as number },
      questions: questions as number,
      recited: recited as boolean,
    }),
});
