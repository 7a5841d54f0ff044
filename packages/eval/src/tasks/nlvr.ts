import { readNlvr } from '@subtext/data';
import { exactMatch, exactMatchScore, type EvaluationTask } from './evaluation-task';
import { wordAnswer } from '../answers/choice-answer';

/** NLVR: whether a person's statement about three boxes of shapes is true (Suhr et al., 2017). */
export const nlvr: EvaluationTask = {
  name: 'nlvr',
  description:
    'NLVR: whether a statement about a picture of three boxes of shapes is true or false (Suhr et al., 2017)',
  version: 2,
  modality: 'image',
  dataDescription: 'dev.json or test.json with images/ beside it',
  metrics: exactMatch,
  load: ({ path, ...options }) => readNlvr({ file: path, ...options }),
  prompt: ({ question }) => question,
  score: ({ prediction, example }) => {
    const extracted = wordAnswer({ output: prediction, words: ['true', 'false'] });
    return exactMatchScore({ extracted, correct: extracted === example.answer });
  },
};
