import { readGsm8k, type ReasoningExample } from '@subtext/data';
import { flexibleExtract, strictMatch } from '../answers/answer-filters';
import { numberAnswer } from '../answers/number-answer';
import { sameNumber } from '../metrics/numbers';
import { exactMatch, exactMatchScore, finalAnswerFilter, type EvaluationTask, type TaskScore } from './evaluation-task';

/** GSM8K: school mathematics in words (arXiv 2110.14168). */
export const gsm8k: EvaluationTask = {
  name: 'gsm8k',
  description: 'GSM8K: school mathematics in words; exact match of the number (arXiv 2110.14168)',
  version: 2,
  modality: 'text',
  dataDescription: 'test.jsonl, as OpenAI gives it',
  metrics: exactMatch,
  filter: finalAnswerFilter,
  filters: [strictMatch, flexibleExtract],
  load: ({ path, ...options }) => readGsm8k({ file: path, ...options }),
  prompt: ({ question }) => question,
  score: scoreNumber,
};

/** Right where the prediction's number has the answer's value. */
export function scoreNumber({
  prediction,
  example,
}: {
  prediction: string | null;
  example: ReasoningExample;
}): TaskScore {
  const extracted = numberAnswer(prediction);
  return exactMatchScore({
    extracted,
    correct:
      extracted !== null && sameNumber({ left: extracted, right: numberAnswer(example.answer) ?? example.answer }),
  });
}
