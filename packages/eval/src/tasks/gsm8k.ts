import { readGsm8k, type ReasoningExample } from '@subtext/data';
import { normalizeNumber, numbersOf } from '../metrics/recall';
import { numericAnswer, sameNumber } from '../metrics/exact-match';
import { exactMatch, exactMatchScore, type EvaluationTask, type TaskScore } from './evaluation-task';
import { finalAnswer } from './final-answer';

/** GSM8K: school mathematics in words (arXiv 2110.14168). */
export const gsm8k: EvaluationTask = {
  name: 'gsm8k',
  description: 'GSM8K: school mathematics in words; exact match of the number (arXiv 2110.14168)',
  version: 1,
  modality: 'text',
  dataDescription: 'test.jsonl, as OpenAI gives it',
  metrics: exactMatch,
  load: ({ path, ...options }) => readGsm8k({ file: path, ...options }),
  prompt: ({ question }) => question,
  score: scoreNumber,
};

/** Right where the prediction's number has the answer's value: the first after the answer mark, or the last of an output without one. */
export function scoreNumber({ prediction, example }: { prediction: string | null; example: ReasoningExample }): TaskScore {
  const answer = finalAnswer(prediction);
  const marked = prediction !== null && /#|<CONCLUSION>/.test(prediction);
  const extracted = answer === null ? null : marked ? (numbersOf(answer)[0] ?? null) : numericAnswer({ text: answer, flexible: true });
  return exactMatchScore({ extracted, correct: extracted !== null && sameNumber(extracted, normalizeNumber(example.answer)) });
}
