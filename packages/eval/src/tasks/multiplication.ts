import { formats } from '@subtext/data';
import { spacedDigits } from '../metrics/exact-match';
import { exactMatch, exactMatchScore, type EvaluationTask } from './evaluation-task';
import { finalAnswer } from '../answers/final-answer';

/** Long multiplication of numbers of several digits, digits apart and from the lowest (arXiv 2405.14838). */
export const multiplication: EvaluationTask = {
  name: 'multiplication',
  description:
    'Long multiplication, separate digits, least significant first; exact match of all digits (arXiv 2405.14838)',
  version: 2,
  modality: 'text',
  dataDescription: '4_by_4_mult/test_bigbench.txt or another file of QUESTION||CHAIN #### ANSWER',
  metrics: exactMatch,
  load: ({ path, ...options }) => formats['icot-text'].read({ file: path, ...options }),
  prompt: ({ question }) => question,
  score: ({ prediction, example }) => {
    const answer = finalAnswer(prediction);
    const extracted = answer === null ? null : spacedDigits(answer);
    return exactMatchScore({ extracted, correct: extracted !== null && extracted === spacedDigits(example.answer) });
  },
};
