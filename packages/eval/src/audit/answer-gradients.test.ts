import type { ReasoningExample } from '@subtext/data';
import type { Reasoner } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

import { examplesFor, type Family, smallReasoner } from '../../../reasoner/test/small-reasoners';
import { answerGradients, gradientSentences } from './answer-gradients';
import { encode, OwnResponses } from './own-responses';

const task = { prompt: ({ question }: ReasoningExample) => question };

async function gradientsOf({ family, visibility }: { family: Family; visibility: 'all' | 'answer' }) {
  const reasoner = smallReasoner({ family, visibility, method: { name: 'coconut', hiddenSteps: 3 } })
    .reasoner as unknown as Reasoner;
  const examples = examplesFor(family);
  const responses = await new OwnResponses({ reasoner, task }).of(examples);
  const before = tf.memory().numTensors;
  // Random weights write words of stages, which may see all; here the answer follows the thoughts at once.
  const mark = encode({ reasoner, text: reasoner.format.answer.open });
  const asked = {
    reasoner,
    responses: responses.map((response, row) => ({
      example: examples[row]!,
      response: { ...response, ids: [...response.answer.prompt, ...mark] },
    })),
  };
  await answerGradients(asked);
  // Tables of rotations are made at the first pass, and stay.
  const first = tf.memory().numTensors;
  const gradients = await answerGradients(asked);
  expect(tf.memory().numTensors).toBe(first);
  expect(first - before).toBeLessThan(20);
  reasoner.dispose();
  return gradients;
}

describe('what gets past the thoughts', () => {
  beforeAll(async () => void (await useEngine({ engine: 'wasm' })));

  it.each(['llama', 'llava', 'idefics3'] as const)(
    'is nothing at all where the answer sees thoughts only, and something where it sees all: %s',
    async (family) => {
      const sources = family === 'llama' ? ['question'] : ['picture', 'question'];
      const closed = await gradientsOf({ family, visibility: 'answer' });
      expect(closed.map(({ source }) => source).sort()).toEqual(sources);
      for (const gradient of closed) expect(gradient).toMatchObject({ reachable: false, largest: 0, count: 3 });
      const open = await gradientsOf({ family, visibility: 'all' });
      for (const { reachable, largest } of open) {
        expect(reachable).toBe(true);
        expect(largest).toBeGreaterThan(1e-6);
      }
      expect(gradientSentences(open)[0]).toMatch(/still depends on the/);
    },
  );

  it('is called a leak where the visibility closes every way', () => {
    const [sentence] = gradientSentences([{ source: 'picture', reachable: false, largest: 0.25, count: 1 }]);
    expect(sentence).toMatch(/depends on the picture \(gradient up to 0.250 in 1 example\), .* something leaks/);
  });
});
