import { groupAccuracy, multipleChoiceTask } from './multiple-choice-task';

/** MMBench V1.1 (arXiv 2307.06281). `circular_accuracy` counts a question right only where it is in every rotation of its options. */
export const mmbench = multipleChoiceTask({
  name: 'mmbench-v1.1',
  description:
    'MMBench V1.1: multiple choice, each question once per rotation of its options; accuracy and circular accuracy (arXiv 2307.06281)',
  file: 'MMBench_DEV_EN_V11.tsv',
  measure: (samples) => ({
    circular_accuracy: groupAccuracy({ samples, group: ({ id }) => String(Number(id) % 1_000_000) }),
  }),
});
