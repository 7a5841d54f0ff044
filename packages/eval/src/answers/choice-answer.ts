import { normalizeAnswer } from '@subtext/data';

import { multipleChoiceLetter, yesOrNo, type Choices } from '../metrics/multiple-choice';
import { announcedAnswers, boxedAnswer, markedAnswer } from './answer-marks';
import { answerScope, withoutMarkup } from './answer-scope';

/**
 * The letter of the option that an output chooses; null where it chooses none. VLMEvalKit's rules come first
 * (`can_infer`). Where they find nothing, since the output also explains itself, the option is taken that is announced: in
 * the last `\boxed{}`, after `Answer:`, under a heading `Answer`, or alone on the first or last line, as a letter in any
 * usual writing (`B`, `(b)`, `B) a square`, `Option B`) or as the option's own words.
 */
export function choiceAnswer({ output, choices }: { output: string | null; choices: Choices }): string | null {
  const scope = output === null ? null : answerScope(output);
  if (scope === null) return null;
  const inferred = multipleChoiceLetter({ text: scope.text, choices });
  // Z is the rules' own mark of a refusal: no option was chosen.
  if (inferred === 'Z' && !('Z' in choices)) return null;
  if (inferred !== null) return inferred;
  for (const candidate of announcements(scope.text)) {
    const letter = letterOf({ line: candidate, choices });
    if (letter !== null) return letter;
  }
  return null;
}

/** The one of several words that an output answers with, in any case; null where it holds none, or several and announces none. */
export function wordAnswer<Word extends string>({
  output,
  words,
}: {
  output: string | null;
  words: readonly Word[];
}): Word | null {
  const scope = output === null ? null : answerScope(output);
  if (scope === null) return null;
  const text = withoutMarkup(scope.text);
  const whole = onlyWord(text, words);
  if (whole !== null) return whole;
  for (const candidate of announcements(scope.text)) {
    const word = onlyWord(candidate, words);
    if (word !== null) return word;
  }
  return null;
}

/** `Yes` or `No` by VLMEvalKit's rules, emphasis aside, and where an output holds both, as it announces it. */
export function yesOrNoAnswer(output: string | null): 'Yes' | 'No' | null {
  const scope = output === null ? null : answerScope(output);
  if (scope === null) return null;
  return yesOrNo(withoutMarkup(scope.text)) ?? wordAnswer({ output, words: ['Yes', 'No'] });
}

/** Texts that announce an answer, the most explicit first: box, mark, `Answer:` from the last, last line, first line. */
function announcements(text: string): string[] {
  const plain = withoutMarkup(text);
  const lines = plain
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /[\p{L}\p{N}]/u.test(line));
  const boxed = boxedAnswer(text);
  return [
    boxed === null ? null : withoutMarkup(boxed),
    markedAnswer(plain),
    ...announcedAnswers(plain).reverse(),
    lines.at(-1),
    lines[0],
  ].filter((one): one is string => typeof one === 'string');
}

/** The option that a line names and does nothing else: by its letter, by its letter and words, or by its words. */
function letterOf({ line, choices }: { line: string; choices: Choices }): string | null {
  const text = line
    .replace(/^[\s#>*_\-•"'“‘`$]+|[\s*_"'”’`$]+$/g, '')
    .replace(/^(?:option|choice|answer|letter)\s+(?=\(?\p{L}\b)/iu, '');
  const same = Object.entries(choices).filter(([, choice]) => normalizeAnswer(choice) === normalizeAnswer(text));
  if (same.length === 1) return (same[0] as [string, string])[0];
  const found = /^[([{<]?\s*(\p{L})(?:\s*[)\]}>]\s*[.:,;]?|\s*[.:,;–—]|\s+-(?=\s)|(?=\s|$))\s*(.*)$/su.exec(text);
  if (found === null) return null;
  const letter = Object.keys(choices).find((one) => one === (found[1] as string).toUpperCase());
  if (letter === undefined) return null;
  const rest = (found[2] as string).trim();
  const marked = /^[([{<]?\s*\p{L}\s*[)\]}>.:,;–—]/u.test(text) || /^\p{L}\s+-\s/u.test(text);
  // A letter that only a space follows may be a word of its own, such as the article: its option's words must follow.
  if (rest === '' || marked) return letter;
  return normalizeAnswer(rest).startsWith(normalizeAnswer(choices[letter] as string)) ? letter : null;
}

/** The one of several words (or patterns) that a text holds whole, in any case; null where it holds none or more than one. */
export function onlyWord<Word extends string>(text: string, words: readonly Word[]): Word | null {
  const found = words.filter((word) => new RegExp(`(?<![\\p{L}\\p{N}])${word}(?![\\p{L}\\p{N}])`, 'iu').test(text));
  return found.length === 1 ? (found[0] as Word) : null;
}
