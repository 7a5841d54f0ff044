import { wilsonInterval } from '@subtext/core';
import type { ReasoningExample } from '@subtext/data';
import type { Answer } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import type { EvaluationTask, TaskScore } from '../tasks/evaluation-task';

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

/** Scores answers by a task's own rule, in order: as `evaluateTask` scores the same answers. */
export function scoreAnswers({
  task,
  answers,
  examples,
}: {
  task: Pick<EvaluationTask, 'score'>;
  answers: readonly Pick<Answer, 'answer'>[];
  examples: readonly ReasoningExample[];
}): TaskScore[] {
  return examples.map((example, index) => task.score({ prediction: answers[index]!.answer ?? null, example }));
}

/** Sums up answers to a task's examples, in order. */
export function summarizeAnswers({
  method,
  task,
  answers,
  examples,
  seconds,
}: {
  method: string;
  /** Says what is right. */
  task: Pick<EvaluationTask, 'score'>;
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
  const scores = scoreAnswers({ task, answers, examples });
  const correct = scores.map((score) => score.correct);
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
    unparseable: scores.filter(({ parseable }) => !parseable).length,
    secondsPerAnswer: seconds / count,
    byCategory,
  };
}
