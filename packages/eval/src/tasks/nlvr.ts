import { readNlvr } from '@subtext/data';
import { exactMatch, exactMatchScore, type EvaluationTask } from './evaluation-task';
import { finalAnswer, onlyWord } from './final-answer';

/** NLVR: whether a person's statement about three boxes of shapes is true (Suhr et al., 2017). */
export const nlvr: EvaluationTask = {
  name: 'nlvr',
  description: 'NLVR: whether a statement about a picture of three boxes of shapes is true or false (Suhr et al., 2017)',
  version: 1,
  modality: 'image',
  dataDescription: 'dev.json or test.json with images/ beside it',
  metrics: exactMatch,
  load: ({ path, ...options }) => readNlvr({ file: path, ...options }),
  prompt: ({ question }) => question,
  score: ({ prediction, example }) => {
    const answer = finalAnswer(prediction);
    const extracted = answer === null ? null : onlyWord(answer, ['true', 'false']);
    return exactMatchScore({ extracted, correct: extracted === example.answer });
  },
};
