import { readProsQA, normalizeAnswer } from '@subtext/data';

import { coconutMark } from '../answers/answer-filters';
import { exactMatch, exactMatchScore, finalAnswerFilter, type EvaluationTask } from './evaluation-task';
import { finalAnswer } from '../answers/final-answer';

/** ProsQA: which of two kinds a person is, by a path through a graph of statements (Coconut, arXiv 2412.06769). */
export const prosqa: EvaluationTask = {
  name: 'prosqa',
  description:
    'ProsQA: which of two kinds someone is, 3–6 hops through statements; exact match of the sentence (arXiv 2412.06769)',
  version: 2,
  modality: 'text',
  dataDescription: 'prosqa_test.json, as Coconut gives it',
  metrics: exactMatch,
  filter: finalAnswerFilter,
  filters: [coconutMark],
  load: ({ path, ...options }) => readProsQA({ file: path, ...options }),
  prompt: ({ question }) => question,
  score: ({ prediction, example }) => {
    const extracted = finalAnswer(prediction);
    return exactMatchScore({
      extracted,
      correct: extracted !== null && normalizeAnswer(extracted) === normalizeAnswer(example.answer),
    });
  },
};
