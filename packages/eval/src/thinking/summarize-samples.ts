import { wilsonInterval } from '@subtext/core';

import { EvaluationError } from '../errors';
import { scoreOf, type SampleRecord } from '../results/sample-record';

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

/**
 * Sums up samples that are right or wrong, in order.
 *
 * @throws EvaluationError empty-set without samples
 */
export function summarizeSamples({
  method,
  metric,
  samples,
  seconds,
}: {
  method: string;
  /** The score that is 1 where a sample is right. */
  metric: string;
  samples: readonly SampleRecord[];
  /** Wall-clock seconds that all answers took. */
  seconds: number;
}): AnswerSummary {
  const count = samples.length;
  if (count === 0)
    throw new EvaluationError({ code: 'empty-set', message: `There is no example to score ${method} on.` });
  const correct = samples.map((sample) => scoreOf(sample, metric) === 1);
  const successes = correct.filter(Boolean).length;
  const accuracy = successes / count;
  const [low, high] = wilsonInterval({ successes, total: count });
  const mean = (of: (sample: SampleRecord) => number) => samples.reduce((sum, sample) => sum + of(sample), 0) / count;
  const byCategory: AnswerSummary['byCategory'] = {};
  for (const [index, { doc }] of samples.entries()) {
    if (typeof doc.category !== 'string') continue;
    const own = (byCategory[doc.category] ??= { count: 0, accuracy: 0 });
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
      generated: mean((sample) => sample.generated_tokens),
      withoutTags: mean((sample) => sample.generated_tokens_without_tags),
      thinking: mean((sample) => sample.thoughts),
    },
    unparseable: samples.filter(({ unparseable }) => unparseable).length,
    secondsPerAnswer: seconds / count,
    byCategory,
  };
}
