import type { ReasoningExample } from '@subtext/data';
import type { Answer } from '@subtext/reasoner';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { openSampleFile } from '../results/sample-file';
import { evaluateTask } from '../run/evaluate-task';
import { scenes } from '../tasks/scenes';
import { summarizeAnswers } from './summarize-answers';

const written = ['red', ' Red. ', '**red**', '#### red', 'blue', '', undefined];
const examples = written.map((_, index): ReasoningExample => ({
  id: `q${index}`,
  question: 'what colour ?',
  steps: [],
  answer: 'red',
  category: index < 4 ? 'a' : 'b',
}));
const answers = written.map(
  (answer) =>
    ({
      answer,
      text: answer ?? '',
      thoughts: [],
      tokens: { generated: 4, withoutTags: 2, thinking: 1 },
      passes: 5,
    }) as unknown as Answer,
);

describe('summarizeAnswers', () => {
  it('says of the same answers what evaluateTask says', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'subtext-summary-'));
    const file = await openSampleFile({ path: join(folder, 'samples.jsonl') });
    try {
      const samples = await evaluateTask({
        loaded: {
          task: scenes,
          examples,
          faults: { records: 7, dropped: 0, first: [] },
          dataHash: null,
        } as unknown as Parameters<typeof evaluateTask>[0]['loaded'],
        file,
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
      const right = samples.map(({ exact_match }) => exact_match as number);
      const summary = summarizeAnswers({ method: 'm', task: scenes, answers, examples, seconds: 7 });
      expect(summary.accuracy).toBe(right.reduce((sum, one) => sum + one, 0) / 7);
      expect(summary.unparseable).toBe(samples.filter(({ unparseable }) => unparseable).length);
      // Case, final punctuation, and marks of an answer do not make it wrong; a word beside it does.
      expect(right.slice(0, 5)).toEqual([1, 1, 1, 1, 0]);
      expect(summary.byCategory).toEqual({ a: { count: 4, accuracy: 1 }, b: { count: 3, accuracy: 0 } });
    } finally {
      await file.close();
      await rm(folder, { recursive: true });
    }
  });
});
