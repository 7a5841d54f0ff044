import { readVlmEvalKit, type ReasoningExample } from '@subtext/data';
import { multipleChoiceLetter } from '../metrics/multiple-choice';
import type { EvaluationTask } from './evaluation-task';
import { finalAnswer } from '../answers/final-answer';
import type { JudgedScore, JudgeStep } from './judge/judge-step';
import { parsePythonList } from './python-list';

/**
 * MathVista's judge takes the short answer out of a long one; rules then compare it. Rules come first
 * where the answer is a letter or the number itself, as VLMEvalKit does.
 */
const judge: JudgeStep = {
  metrics: ['exact_match'],
  none: { exact_match: 0 },
  byRules: ({ prediction, example }) => {
    const found = compare({ answer: prediction, example });
    // A choice that the rules find is final; a number only where it is the right one, since a sentence may hold others.
    return found !== null && (isChoice(example) || found.scores.exact_match === 1) ? found : null;
  },
  prompt: ({ prediction, example }) =>
    `Take the final answer out of a response to a question, in its shortest form: the option's letter for a multiple-choice question, else the bare number, list or words, without unit or sentence.
Examples: "The sequence lacks the number 14." gives 14. "It must be (B) 8/11." gives B. "The peak lies between 2007 and 2008." gives [2007, 2008].

Question: ${example.question}
Response: ${prediction}

Reply with the answer alone.`,
  read: ({ reply, example }) => {
    const answer = reply.trim().replace(/^Extracted answer:\s*/i, '');
    return answer === '' ? null : (compare({ answer, example }) ?? { scores: { exact_match: 0 }, extracted: answer });
  },
};

/** MathVista, the mini test: mathematics in pictures (arXiv 2310.02255). */
export const mathvista: EvaluationTask = {
  name: 'mathvista-mini',
  description:
    'MathVista mini: mathematics in images; answers extracted by rules, or else by a judge that you provide (arXiv 2310.02255)',
  version: 1,
  modality: 'image',
  dataDescription: 'MathVista_MINI.tsv, as VLMEvalKit gives it',
  metrics: [{ name: 'exact_match', higherIsBetter: true }],
  judge,
  load: ({ path, ...options }) => readVlmEvalKit({ file: path, ...options }),
  prompt: ({ question }) => question,
  score: ({ prediction }) => {
    const extracted = finalAnswer(prediction);
    return { correct: false, parseable: extracted !== null, extracted, scores: {} };
  },
};

function isChoice(example: ReasoningExample): boolean {
  return example.metadata?.question_type === 'multi_choice';
}

/** The answer against the truth by the question's kind; null where it has not the kind's form. */
function compare({ answer, example }: { answer: string; example: ReasoningExample }): JudgedScore | null {
  const { answer_option: option, answer_type: type, choices = '' } = example.metadata ?? {};
  const result = (extracted: string, correct: boolean): JudgedScore => ({
    scores: { exact_match: correct ? 1 : 0 },
    extracted,
  });
  if (isChoice(example)) {
    const options = Object.fromEntries(
      (parsePythonList(choices) ?? []).map((text, index) => [String.fromCharCode(65 + index), text]),
    );
    const letter = multipleChoiceLetter({ text: answer, choices: options });
    return letter === null ? null : result(letter, letter === option);
  }
  const text = answer.trim();
  if (type === 'integer')
    return /^[-+]?\d+$/.test(text) ? result(text, Number(text) === Math.trunc(Number(example.answer))) : null;
  if (type === 'float')
    return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)
      ? result(text, Number(text) === Number(example.answer))
      : null;
  return result(text, text === example.answer);
}
