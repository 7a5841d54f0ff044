import { expect, it } from 'vitest';

import { generateFactQuestions, generateFactSheets } from './fact-sheets';

const take = <Item>(items: Iterator<Item>, count: number): Item[] =>
  Array.from({ length: count }, () => items.next().value as Item);

it('names everybody and everything once, and asks eight questions a person that the sheet answers', () => {
  for (const { text, questions } of take(generateFactSheets({ people: { minimum: 2, maximum: 9 } }), 20)) {
    const lines = text.trimEnd().split('\n');
    const words = lines.flatMap((line) => line.split(/[:,]/));
    expect(new Set(words).size).toBe(3 * lines.length);
    expect(questions).toHaveLength(8 * lines.length);
    expect(new Set(questions.map(({ question }) => question)).size).toBe(questions.length);
    for (const { question, answer, kind } of questions) {
      const asked = /:(\w+)\?$/.exec(question)![1]!;
      const [name, town, drink] = lines.map((line) => line.split(/[:,]/)).find((line) => line.includes(asked))!;
      expect(answer).toBe({ town, drink, 'of-town': name, 'of-drink': name }[kind]);
    }
  }
});

it('gives twins other answers to the same questions', () => {
  const [first, second] = take(generateFactSheets({ people: { minimum: 5, maximum: 5 }, twins: true }), 2);
  const answers = new Map(second!.questions.map(({ question, answer }) => [question, answer]));
  for (const { question, answer } of first!.questions) {
    expect(answers.get(question)).toBeDefined();
    expect(answers.get(question)).not.toBe(answer);
  }
});

it('puts several questions into one example as the format lines writes them', () => {
  const [example] = take(generateFactQuestions({ seed: 3, questions: 3 }), 1);
  const [sheet] = take(generateFactSheets({ seed: 3 }), 1);
  const chain = [...example!.steps.map(({ text }) => text), `### ${example!.answer}`].join('\n');
  const asked = `${example!.question}\n${chain}`.slice(sheet!.text.length).split('\n');
  expect(example!.question.startsWith(sheet!.text)).toBe(true);
  expect(asked).toHaveLength(6);
  for (let at = 0; at < 6; at += 2)
    expect(sheet!.questions).toContainEqual(
      expect.objectContaining({ question: asked[at], answer: asked[at + 1]!.slice('### '.length) }),
    );
});

it('puts a line of the sheet before each further question where that is asked for', () => {
  const [example] = take(generateFactQuestions({ seed: 3, questions: 3, recited: true }), 1);
  const lines = example!.question.split('\n').slice(0, -1);
  for (const { text } of example!.steps) {
    const [answer, line, question] = text.split('\n');
    expect(answer).toMatch(/^### \w+$/);
    expect(lines).toContain(line);
    expect(question).toMatch(/^\w+:\w+\?$/);
  }
});

it('refuses what it cannot make, and is the same for the same seed', () => {
  for (const people of [
    { minimum: 0, maximum: 2 },
    { minimum: 3, maximum: 2 },
    { minimum: 1, maximum: 25 },
  ])
    expect(() => generateFactSheets({ people }).next()).toThrow(/is not a range of whole numbers/);
  for (const questions of [0, 9, 1.5])
    expect(() => generateFactQuestions({ questions }).next()).toThrow(/is not a whole number from 1 to 8/);
  const first = (seed: number) => generateFactSheets({ seed }).next().value;
  expect(first(1)).toEqual(first(1));
  expect(first(1)).not.toEqual(first(2));
});
