import { multipleChoiceTask } from './multiple-choice-task';

/** AI2D: questions about school-book diagrams (arXiv 1603.07396). */
export const ai2d = multipleChoiceTask({
  name: 'ai2d',
  description: 'AI2D: multiple-choice questions about school-book diagrams (arXiv 1603.07396)',
  file: 'AI2D_TEST.tsv',
});
