import {
  captionFacts,
  ExampleStream,
  findFormat,
  formatNames,
  type ReasoningExample,
  type SceneObject,
  normalizeAnswer,
} from '@subtext/data';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { flexibleExtract, strictMatch } from '../answers/answer-filters';
import { choiceAnswer, wordAnswer } from '../answers/choice-answer';
import { finalAnswer } from '../answers/final-answer';
import { numberAnswer } from '../answers/number-answer';
import { EvaluationError } from '../errors';
import { spacedDigits } from '../metrics/exact-match';
import { sameNumber } from '../metrics/numbers';
import { entityRecall, escapePattern, numberRecall } from '../metrics/recall';
import { exactMatch, exactMatchScore, finalAnswerFilter, type EvaluationTask, type TaskScore } from './evaluation-task';
import { choicesOf, promptWithOptions } from './multiple-choice-task';

/** How answers to one's own data are scored. */
export type AnswerScore =
  /** The answer in words, letter case, spaces and a final full stop aside; numbers by their value. */
  | 'exact'
  /** The number's value. */
  | 'numeric'
  /** The option: of the record's, of a list in the question, or one of the few answers that the whole set has. */
  | 'choice'
  /** The share of what the true answer states that is stated: objects of scenes, else numbers and names. */
  | 'facts';

/** Every way of scoring. */
export const answerScores: readonly AnswerScore[] = ['exact', 'numeric', 'choice', 'facts'];

/** With more answers than this, a set is no choice between them. */
const mostChoices = 26;

/**
 * A task of one's own: a file in any format that can be trained on, its answers scored in one of four ways.
 *
 * @param options.format a name in `formats` of `@subtext/data`, or one that was registered
 * @throws EvaluationError unknown-task for a format or a way of scoring that there is not
 */
export function formatTask({ format, score }: { format: string; score: AnswerScore }): EvaluationTask {
  if (!formatNames().includes(format))
    throw new EvaluationError({
      code: 'unknown-task',
      message: `There is no data format "${format}"; choose from ${formatNames().join(', ')}.`,
    });
  const reader = findFormat(format);
  if (!answerScores.includes(score))
    throw new EvaluationError({
      code: 'unknown-task',
      message: `Answers cannot be scored by "${String(score)}"; choose from ${answerScores.join(', ')}.`,
    });
  const rule = rules[score]();
  return {
    name: `${format}-${score}`,
    description: `your own data in the format ${format}, ${rule.description}`,
    version: 1,
    modality: 'any',
    format,
    dataDescription: `a file of the format ${format} (${reader.description}), or the folder of its test.jsonl`,
    metrics: rule.metrics ?? exactMatch,
    ...(rule.filters === undefined ? {} : { filter: finalAnswerFilter, filters: rule.filters }),
    load: ({ path, ...options }) =>
      new ExampleStream({
        ...options,
        file: path,
        async *open(log) {
          const folder = await stat(path).then(
            (found) => found.isDirectory(),
            () => false,
          );
          const inner = reader.read({
            file: folder ? join(path, 'test.jsonl') : path,
            ...(options.strict === undefined ? {} : { strict: options.strict }),
            onFault: (fault) => log.add(fault),
          });
          for await (const example of inner) {
            log.report.records = inner.faults.records;
            yield example;
          }
          log.report.records = inner.faults.records;
        },
      }),
    check: (examples) => {
      const problem = rule.check?.(examples);
      if (problem !== undefined)
        throw new EvaluationError({
          code: 'invalid-task-data',
          message: `--score ${score} does not fit this data (format ${format}): ${problem}`,
        });
    },
    prompt: (example) => (choicesOf(example) === null ? example.question : promptWithOptions(example)),
    score: rule.score,
  };
}

interface ScoringRule extends Pick<EvaluationTask, 'filters' | 'score'> {
  description: string;
  metrics?: EvaluationTask['metrics'];
  /** What of the examples cannot be scored, with what to do; undefined for nothing. */
  check?: (examples: readonly ReasoningExample[]) => string | undefined;
}

const rules: Record<AnswerScore, () => ScoringRule> = {
  exact: () => ({ description: 'exact match of the answer', score: scoreWords }),
  numeric: () => ({
    description: "the number's value",
    filters: [strictMatch, flexibleExtract],
    check: (examples) => {
      const other = examples.find(({ answer }) => numberAnswer(answer) === null);
      return other === undefined
        ? undefined
        : `the answer of example ${other.id}, ${shown(other.answer)}, is no number. Take exact, choice or facts.`;
    },
    score: ({ prediction, example }) => {
      const truth = digitsApart(example.answer);
      if (truth !== null) {
        const said = finalAnswer(prediction);
        const extracted = said === null ? null : spacedDigits(said);
        return exactMatchScore({ extracted, correct: extracted === truth });
      }
      const extracted = numberAnswer(prediction);
      return exactMatchScore({
        extracted,
        correct: extracted !== null && sameNumber({ left: extracted, right: numberAnswer(example.answer) as string }),
      });
    },
  }),
  choice: choiceRule,
  facts: () => ({
    description: "the share of the reference's facts that are stated",
    metrics: [{ name: 'facts_right', higherIsBetter: true }],
    check: (examples) =>
      examples.some((example) => factsOf(example.answer) > 0)
        ? undefined
        : 'no answer states an object of a scene, a number or a name. Take exact.',
    score: scoreFacts,
  }),
};

function scoreWords({ prediction, example }: { prediction: string | null; example: ReasoningExample }): TaskScore {
  const extracted = finalAnswer(prediction);
  return exactMatchScore({ extracted, correct: extracted !== null && sameAnswer(extracted, example.answer) });
}

/** The same words, or where both are numbers the same value: readers write 1,200 as 1200. */
function sameAnswer(one: string, other: string): boolean {
  return (
    normalizeAnswer(one) === normalizeAnswer(other) ||
    sameNumber({ left: normalizeAnswer(one), right: normalizeAnswer(other) })
  );
}

/** The number whose digits stand apart, as in the multiplication data; null for any other text. */
function digitsApart(text: string): string | null {
  return /^\d(?: \d)+$/.test(text.trim()) ? spacedDigits(text) : null;
}

/** Options of the record or of the question; where neither has any, the distinct answers of the whole set. */
function choiceRule(): ScoringRule {
  let answers: string[] = [];
  return {
    description: 'the chosen option',
    check: (examples) => {
      answers = [...new Map(examples.map(({ answer }) => [normalizeAnswer(answer), answer])).values()].sort();
      const without = examples.find((example) => optionsOf(example) === null);
      if (without !== undefined && answers.length > mostChoices)
        return `example ${without.id} has no options, and the set has ${answers.length} different answers, too many to be a choice. Take exact, or write options as lines "A. …" in the question.`;
      const outside = examples.find((example) => letterOfAnswer(example) === null && optionsOf(example) !== null);
      return outside === undefined
        ? undefined
        : `the answer of example ${outside.id}, ${shown(outside.answer)}, is none of its options.`;
    },
    score: ({ prediction, example }) => {
      const choices = optionsOf(example);
      if (choices === null) {
        // Words that are the answers themselves; longer ones first, so that "dark red" does not also name "red".
        const words = answers.map(normalizeAnswer).sort((one, other) => other.length - one.length);
        const said = finalAnswer(prediction);
        const same = said === null ? undefined : words.find((word) => word === normalizeAnswer(said));
        const extracted =
          same ?? wordAnswer({ output: prediction, words: words.map(escapePattern) })?.replace(/\\(.)/g, '$1') ?? null;
        return exactMatchScore({ extracted, correct: extracted === normalizeAnswer(example.answer) });
      }
      const extracted = choiceAnswer({ output: prediction, choices });
      return exactMatchScore({ extracted, correct: extracted !== null && extracted === letterOfAnswer(example) });
    },
  };
}

/** Options by letter: the record's, or lines such as `A. a circle` or `(B) a square` of the question; null for none. */
function optionsOf(example: ReasoningExample): Record<string, string> | null {
  const own = choicesOf(example);
  if (own !== null) return own;
  const found = [...example.question.matchAll(/(?:^|\n)[ \t]*\(?([A-Z])[).:][ \t]+([^\n]+)/g)].map(
    ([, letter, text]) => [letter as string, (text as string).trim()] as const,
  );
  // Letters in their order from A: anything else is a text with initials.
  return found.length >= 2 && found.every(([letter], index) => letter.charCodeAt(0) === 65 + index)
    ? Object.fromEntries(found)
    : null;
}

/** The letter of the true answer, which a record may give as the letter or as the option's words; null where it is none. */
function letterOfAnswer(example: ReasoningExample): string | null {
  const choices = optionsOf(example);
  if (choices === null) return null;
  const letter = /^\(?([A-Z])\)?[.:]?(?=\s|$)/.exec(example.answer.trim())?.[1];
  const same = Object.entries(choices).find(([, text]) => normalizeAnswer(text) === normalizeAnswer(example.answer));
  return same?.[0] ?? (letter !== undefined && Object.hasOwn(choices, letter) ? letter : null);
}

const objectKeys: readonly (keyof SceneObject)[] = ['colour', 'shape', 'place'];

/** How many facts a text states. */
function factsOf(text: string): number {
  const objects = captionFacts(text);
  const told = objects.reduce((sum, object) => sum + objectKeys.filter((key) => object[key] !== undefined).length, 0);
  if (told > 0) return told;
  return (
    numberRecall({ hypothesis: '', reference: text }).total + entityRecall({ hypothesis: '', reference: text }).total
  );
}

function scoreFacts({ prediction, example }: { prediction: string | null; example: ReasoningExample }): TaskScore {
  const extracted = finalAnswer(prediction);
  const share = extracted === null ? 0 : factShare({ told: extracted, truth: example.answer });
  return { correct: share === 1, parseable: extracted !== null, extracted, scores: { facts_right: share } };
}

/** Of the truth's objects each is looked for once among those that are told; a truth without facts must be told word for word. */
function factShare({ told, truth }: { told: string; truth: string }): number {
  const objects = captionFacts(truth);
  const keys = objects.flatMap((object) => objectKeys.filter((key) => object[key] !== undefined));
  if (keys.length > 0) {
    const said = [...captionFacts(told)];
    let right = 0;
    for (const object of objects) {
      const matches = said.map(
        (other) => objectKeys.filter((key) => object[key] !== undefined && object[key] === other[key]).length,
      );
      const best = matches.indexOf(Math.max(...matches));
      if (best < 0) continue;
      right += matches[best] as number;
      said.splice(best, 1);
    }
    return right / keys.length;
  }
  const numbers = numberRecall({ hypothesis: told, reference: truth });
  const names = entityRecall({ hypothesis: told, reference: truth });
  const total = numbers.total + names.total;
  return total === 0
    ? normalizeAnswer(told) === normalizeAnswer(truth)
      ? 1
      : 0
    : (numbers.found + names.found) / total;
}

const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
