import { wilsonInterval } from '@subtext/core';
import { type ReasoningExample, normalizeAnswer } from '@subtext/data';
import type { Answer } from '@subtext/reasoner';

import { EvaluationError } from '../errors';

/** How a method did on a set. */
export interface AnswerSummary {
  method: string;
  count: number;
  accuracy: number;
  /** √(p(1 − p) / n) */
  standardError: number;
  /** Wilson's 95 % interval. */
  interval: [number, number];
  /** Mean generated tokens a question: all, without the stages' tags, and thinking tokens. */
  tokens: { generated: number; withoutTags: number; thinking: number };
  /** Responses without an answer that could be parsed; they count as wrong. */
  unparseable: number;
  /** Wall-clock seconds an answer, in batches on all workers. */
  secondsPerAnswer: number;
  /** Accuracy by kind of question. */
  byCategory: Record<string, { count: number; accuracy: number }>;
}

/** Whether an answer is right: equal after trimming, letter case and final punctuation. An answer that could not be parsed is wrong. */
export function isCorrect({
  answer,
  example,
}: {
  answer: Pick<Answer, 'answer'>;
  example: Pick<ReasoningExample, 'answer'>;
}): boolean {
  return answer.answer !== undefined && normalizeAnswer(answer.answer) === normalizeAnswer(example.answer);
}

/** Scores answers against their examples, in order. */
export function summarizeAnswers({
  method,
  answers,
  examples,
  seconds,
}: {
  method: string;
  answers: readonly Answer[];
  examples: readonly ReasoningExample[];
  /** Wall-clock seconds that all answers took. */
  seconds: number;
}): AnswerSummary {
  const count = examples.length;
  if (count === 0)
    throw new EvaluationError({ code: 'empty-set', message: `There is no example to score ${method} on.` });
  if (answers.length !== count) {
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `${method}: ${answers.length} answers for ${count} examples; give one answer an example, in order.`,
    });
  }
  const correct = examples.map((example, index) => isCorrect({ answer: answers[index]!, example }));
  const successes = correct.filter(Boolean).length;
  const accuracy = successes / count;
  const [low, high] = wilsonInterval({ successes, total: count });
  const mean = (of: (answer: Answer) => number) => answers.reduce((sum, answer) => sum + of(answer), 0) / count;
  const byCategory: AnswerSummary['byCategory'] = {};
  for (const [index, { category }] of examples.entries()) {
    if (category === undefined) continue;
    const own = (byCategory[category] ??= { count: 0, accuracy: 0 });
    own.accuracy = (own.accuracy * own.count + (correct[index] ? 1 : 0)) / (own.count + 1);
    own.count += 1;
  }
  return {
    method,
    count,
    accuracy,
    standardError: Math.sqrt((accuracy * (1 - accuracy)) / count),
    interval: [low, high],
    tokens: {
      generated: mean(({ tokens }) => tokens.generated),
      withoutTags: mean(({ tokens }) => tokens.withoutTags),
      thinking: mean(({ tokens }) => tokens.thinking),
    },
    unparseable: answers.filter(({ answer }) => answer === undefined).length,
    secondsPerAnswer: seconds / count,
    byCategory,
  };
}
