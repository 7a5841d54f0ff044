import { readVlmEvalKit } from '@subtext/data';
import type { SampleRecord } from '../results/sample-record';
import { exactMatch, exactMatchScore, finalAnswerFilter, type EvaluationTask } from './evaluation-task';
import { vlmEvalKitYesOrNo } from '../answers/answer-filters';
import { yesOrNoAnswer } from '../answers/choice-answer';
import { groupAccuracy } from './multiple-choice-task';

/**
 * HallusionBench: yes-or-no questions about pictures, some altered (arXiv 2310.14566). Besides the accuracy
 * of answers: of figures (all questions about a figure right) and of questions (right for all its figures).
 */
export const hallusionbench: EvaluationTask = {
  name: 'hallusionbench',
  description:
    'HallusionBench: yes or no about pictures, some altered; accuracy by answer, figure and question (arXiv 2310.14566)',
  version: 2,
  modality: 'image',
  dataDescription: 'HallusionBench.tsv, as VLMEvalKit gives it',
  metrics: exactMatch,
  filter: finalAnswerFilter,
  filters: [vlmEvalKitYesOrNo],
  load: ({ path, ...options }) => readVlmEvalKit({ file: path, ...options }),
  prompt: ({ question }) => question,
  score: ({ prediction, example }) => {
    const extracted = yesOrNoAnswer(prediction);
    return exactMatchScore({ extracted, correct: extracted?.toLowerCase() === example.answer.toLowerCase() });
  },
  measure: (samples) => ({
    figure_accuracy: groupAccuracy({ samples, group: (sample) => groupName(sample, 4) }),
    question_accuracy: groupAccuracy({ samples, group: (sample) => groupName(sample, 5) }),
  }),
};

/** Its indices read `VD_figure_1_SET_FIGURE_QUESTION`: the subcategory, the set, and the part asked for. */
function groupName(sample: SampleRecord, part: number): string {
  const parts = sample.id.split('_');
  const metadata = (sample.doc.metadata ?? {}) as Record<string, string>;
  return [metadata['l2-category'] ?? '', parts[3] ?? '', parts[part] ?? ''].join('_');
}
