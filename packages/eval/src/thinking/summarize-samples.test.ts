import type { ReasoningExample } from '@subtext/data';
import { describe, expect, it } from 'vitest';

import { memorySamples } from '../results/memory-samples';
import { evaluateTask } from '../run/evaluate-task';
import { scenes } from '../tasks/scenes';
import { summarizeSamples } from './summarize-samples';

const written = ['red', ' Red. ', '**red**', '#### red', 'blue', '', undefined];
const examples = written.map((_, index): ReasoningExample => ({
  id: `q${index}`,
  question: 'what colour ?',
  steps: [],
  answer: 'red',
  category: index < 4 ? 'a' : 'b',
}));

describe('summarizeSamples', () => {
  it('says what evaluateTask scored', async () => {
    const samples = await evaluateTask({
      loaded: { task: scenes, examples },
      file: memorySamples(),
      model: {
        answer: () =>
          Promise.resolve(
            written.map((answer) => ({
              output: answer ?? '',
              answer: answer ?? null,
              generatedTokens: 4,
              generatedTokensWithoutTags: 2,
              thoughts: 1,
              forwardPasses: 5,
            })),
          ),
      },
    });
    // Case, final punctuation, and marks of an answer do not make it wrong; a word beside it does.
    expect(samples.map(({ exact_match }) => exact_match)).toEqual([1, 1, 1, 1, 0, 0, 0]);
    expect(summarizeSamples({ method: 'm', metric: 'exact_match', samples, seconds: 7 })).toMatchObject({
      count: 7,
      accuracy: 4 / 7,
      unparseable: samples.filter(({ unparseable }) => unparseable).length,
      tokens: { generated: 4, withoutTags: 2, thinking: 1 },
      secondsPerAnswer: 1,
      byCategory: { a: { count: 4, accuracy: 1 }, b: { count: 3, accuracy: 0 } },
    });
    expect(() => summarizeSamples({ method: 'm', metric: 'exact_match', samples: [], seconds: 7 })).toThrow(
      /no example to score m/,
    );
  });
});
