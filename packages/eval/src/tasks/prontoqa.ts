import { readProntoQA } from '@subtext/data';
import { exactMatch, exactMatchScore, type EvaluationTask } from './evaluation-task';
import { wordAnswer } from '../answers/choice-answer';

/** ProntoQA: whether a statement follows from made-up rules (arXiv 2210.01240). */
export const prontoqa: EvaluationTask = {
  name: 'prontoqa',
  description: 'ProntoQA: whether a statement follows from made-up rules, True or False (arXiv 2210.01240)',
  version: 2,
  modality: 'text',
  dataDescription: '345hop_random_true.json or another file of groups; the test question of each group is asked',
  metrics: exactMatch,
  load: ({ path, ...options }) => readProntoQA({ file: path, part: 'test', ...options }),
  prompt: ({ question }) => question,
  score: ({ prediction, example }) => {
    const extracted = wordAnswer({ output: prediction, words: ['True', 'False'] });
    return exactMatchScore({ extracted, correct: extracted === example.answer });
  },
};
