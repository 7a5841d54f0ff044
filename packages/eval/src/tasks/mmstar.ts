import { multipleChoiceTask } from './multiple-choice-task';

/** MMStar: 1,500 questions that need their picture (arXiv 2403.20330). */
export const mmstar = multipleChoiceTask({
  name: 'mmstar',
  description: 'MMStar: 1,500 multiple-choice questions that need their picture (arXiv 2403.20330)',
  file: 'MMStar.tsv',
});
