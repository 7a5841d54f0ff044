import { readTabMwp, type ReasoningExample, normalizeAnswer } from '@subtext/data';

import { escapePattern } from '../metrics/recall';
import { normalizeNumber } from '../metrics/numbers';
import { exactMatch, exactMatchScore, type EvaluationTask } from './evaluation-task';
import { finalAnswer } from '../answers/final-answer';
import { onlyWord } from '../answers/choice-answer';
import { choicesOf, promptWithOptions } from './multiple-choice-task';

/** TabMWP: mathematics about a picture of a table, a number or one of some options (arXiv 2209.14610). */
export const tabmwp: EvaluationTask = {
  name: 'tabmwp',
  description:
    'TabMWP: mathematics about a picture of a table; a number to three decimals, or the option (arXiv 2209.14610)',
  version: 2,
  modality: 'image',
  dataDescription: 'problems_test1k.json with tables/ beside it',
  metrics: exactMatch,
  load: ({ path, ...options }) => readTabMwp({ file: path, ...options }),
  prompt: promptWithOptions,
  score: ({ prediction, example }) => {
    const answer = finalAnswer(prediction);
    if (answer === null) return exactMatchScore({ extracted: null, correct: false });
    const choices = choicesOf(example);
    if (choices !== null) {
      const extracted = chosenOption(answer, choices);
      return exactMatchScore({
        extracted,
        correct: extracted !== null && normalizeAnswer(extracted) === normalizeAnswer(example.answer),
      });
    }
    const extracted = quantity(answer, example);
    return exactMatchScore({
      extracted,
      correct: extracted !== null && extracted === quantity(example.answer, example),
    });
  },
};

/** The option that an answer names: alone, after "answer is", as the only one among its words, or by its letter alone. */
function chosenOption(answer: string, choices: Record<string, string>): string | null {
  const options = Object.values(choices);
  const told = /\banswer is:?\s+(.*)$/is.exec(answer)?.[1];
  for (const text of [answer, ...(told === undefined ? [] : [told])]) {
    const same = options.find((choice) => normalizeAnswer(choice) === normalizeAnswer(text));
    if (same !== undefined) return same;
    const letter = /^\(?([A-Z])\)?[.:]?$/.exec(text.trim())?.[1];
    if (letter !== undefined && choices[letter] !== undefined) return choices[letter];
  }
  // Longer options first, each taken out, so that "dark red" does not also name "red".
  let rest = answer;
  const named = [...options]
    .sort((one, other) => other.length - one.length)
    .filter((choice) => {
      const found = onlyWord(rest, [escapePattern(choice)]) !== null;
      if (found) rest = rest.replace(new RegExp(escapePattern(choice), 'giu'), ' ');
      return found;
    });
  return named.length === 1 ? (named[0] as string) : null;
}

/** The last quantity of an answer, without money sign and unit, fractions divided out, rounded to three decimals as the set's own scoring does. */
function quantity(answer: string, example: ReasoningExample): string | null {
  const unit = example.metadata?.unit;
  const plain = (unit === undefined ? answer : answer.replace(unit, ' ')).replace(/\$/g, ' ');
  const found = [...plain.matchAll(/(?<![\p{L}\p{N}.])-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:\s*\/\s*\d[\d,]*)?/gu)].at(
    -1,
  )?.[0];
  if (found === undefined) return null;
  const [above, below] = found.split('/').map((part) => Number(part.trim().replaceAll(',', '')));
  const value = below === undefined ? (above as number) : (above as number) / below;
  return Number.isFinite(value) ? normalizeNumber(value.toFixed(3)) : null;
}
