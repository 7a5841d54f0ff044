import { readCoconutJson } from '@subtext/data';
import { coconutMark, flexibleExtract } from '../answers/answer-filters';
import { exactMatch, finalAnswerFilter, type EvaluationTask } from './evaluation-task';
import { scoreNumber } from './gsm8k';

/** GSM8K-Aug: GSM8K's questions with chains of bare equations (arXiv 2405.14838, in Coconut's format). */
export const gsm8kAug: EvaluationTask = {
  name: 'gsm8k-aug',
  description: 'GSM8K-Aug: GSM8K with chains of bare equations; exact match of the number (arXiv 2405.14838)',
  version: 2,
  modality: 'text',
  dataDescription: 'gsm_test.json, as Coconut gives it',
  metrics: exactMatch,
  filter: finalAnswerFilter,
  filters: [coconutMark, flexibleExtract],
  load: ({ path, ...options }) => readCoconutJson({ file: path, ...options }),
  prompt: ({ question }) => question,
  score: scoreNumber,
};
