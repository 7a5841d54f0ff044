import { readVlmEvalKit } from '@subtext/data';
import { scoreOf, type SampleRecord } from '../results/sample-record';
import type { EvaluationTask } from './evaluation-task';
import { finalAnswer } from '../answers/final-answer';
import type { JudgeStep } from './judge/judge-step';

const abilities = ['rec', 'ocr', 'know', 'gen', 'spat', 'math'];

/**
 * MM-Vet's judge gives 0 to 1 in tenths. The set's answers join what must all be said by `<AND>` and what
 * suffices alone by `<OR>`. The wording is ours: scores compare with published ones only roughly, as they
 * depend on the judge and its prompt.
 */
const judge: JudgeStep = {
  metrics: ['judge_score'],
  none: { judge_score: 0 },
  byRules: () => null,
  prompt: ({ prediction, example }) =>
    `Grade how correct an answer to a question about a picture is. You do not see the picture; trust the reference.
In the reference, <AND> joins parts that must all be in the answer, and <OR> joins alternatives of which one is enough.
Give 1.0 for a fully correct answer, 0.0 for a wrong one, and tenths between for partly correct ones: with two parts joined by <AND>, one of them alone is worth 0.5.
Wording, length and style do not matter, only what is said.

Question: ${example.question}
Reference: ${example.answer.replaceAll('<AND>', ' <AND> ').replaceAll('<OR>', ' <OR> ')}
Answer: ${prediction}

Reply with the grade alone, such as 0.3.`,
  read: ({ reply }) => {
    const text = reply.trim();
    const grade = Number(text);
    return /^[\d.]+$/.test(text) && grade >= 0 && grade <= 1
      ? { scores: { judge_score: grade }, extracted: text }
      : null;
  },
};

/** MM-Vet: open questions that need several abilities at once, graded by a judge (arXiv 2308.02490). */
export const mmVet: EvaluationTask = {
  name: 'mm-vet',
  description:
    'MM-Vet: open questions that need several abilities at once, graded 0–1 by a judge that you provide (arXiv 2308.02490)',
  version: 1,
  modality: 'image',
  dataDescription: 'MMVet.tsv, as VLMEvalKit gives it',
  metrics: [{ name: 'judge_score', higherIsBetter: true }],
  judge,
  load: ({ path, ...options }) => readVlmEvalKit({ file: path, ...options }),
  prompt: ({ question }) => question,
  score: ({ prediction }) => {
    const extracted = finalAnswer(prediction);
    return { correct: false, parseable: extracted !== null, extracted, scores: {} };
  },
  measure: (samples) =>
    Object.fromEntries(
      abilities.flatMap((ability) => {
        const some = samples.filter((sample) => categoryOf(sample).split(',').includes(ability));
        return some.length === 0
          ? []
          : [
              [
                `judge_score_${ability}`,
                some.reduce((sum, sample) => sum + scoreOf(sample, 'judge_score'), 0) / some.length,
              ],
            ];
      }),
    ),
};

function categoryOf(sample: SampleRecord): string {
  return typeof sample.doc.category === 'string' ? sample.doc.category : '';
}
