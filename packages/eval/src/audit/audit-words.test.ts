import type { ReasoningExample } from '@subtext/data';
import { Reasoner } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { drawExamples, trainNumberReasoner } from '../../../reasoner/test/number-world';
import { toyTask } from '../../test/toy-reasoner';
import { auditWords } from './audit-words';
import { OwnResponses } from './own-responses';
import { returnedThoughts } from './returned-thoughts';
import { thinkingMarkdown } from './thinking-sections';
import { wordsSentences } from './words-section';

describe('returnedThoughts', () => {
  const thoughts = [
    [1, 0],
    [3, 0],
    [1, 4],
    [3, 4],
  ].map((state) => [Float32Array.from(state)]);
  const texts = ['a', 'b', 'c', 'd'];

  it('is 1 where words bring thoughts back, 0 for the mean, below 0 for what is farther than that', () => {
    const explained = (fromWords: Float32Array[][]) => returnedThoughts({ thoughts, fromWords, texts })!;
    expect(explained(thoughts)).toMatchObject({ count: 4, own: { value: 1 } });
    expect(explained(thoughts.map(() => [Float32Array.of(2, 2)])).own.value).toBeCloseTo(0, 6);
    // Half of the way from the mean: a quarter of the variance is missed.
    const half = thoughts.map(([state]) => [Float32Array.from(state!, (value) => (value + 2) / 2)]);
    expect(explained(half).own.value).toBeCloseTo(0.75, 6);
    // Each is given the next one's: squared distances 4, 20, 4 and 20 of a spread of 5 each.
    expect(explained(thoughts).another.value).toBeCloseTo(1 - 48 / 20, 6);
  });

  it('takes no other example with the same words, and leaves out other numbers of thoughts', () => {
    const same = returnedThoughts({ thoughts, fromWords: thoughts, texts: ['a', 'a', 'b', 'b'] })!;
    // Third for the first two, first for the last two: 16, 20, 16 and 20.
    expect(same.another.value).toBeCloseTo(1 - (16 + 20 + 16 + 20) / 20, 0);
    const odd = [...thoughts, [new Float32Array(2), new Float32Array(2)]];
    expect(returnedThoughts({ thoughts: odd, fromWords: odd, texts: [...texts, 'e'] })!.count).toBe(4);
    expect(returnedThoughts({ thoughts: odd.slice(3), fromWords: odd.slice(3), texts: ['d', 'e'] })).toBeNull();
    const alike = thoughts.map(() => [Float32Array.of(1, 1)]);
    expect(returnedThoughts({ thoughts: alike, fromWords: alike, texts })).toBeNull();
  });
});

describe('auditWords', () => {
  let folder: string;
  let reasoner: Reasoner;
  beforeAll(async () => {
    await useEngine({ engine: 'wasm' });
    folder = await mkdtemp(join(tmpdir(), 'subtext-words-'));
    const trained = trainNumberReasoner({ visibility: 'chain', fromWords: 0.5 });
    await trained.save({ folder });
    trained.dispose();
    reasoner = await Reasoner.load({ folder });
  }, 60_000);
  afterAll(async () => {
    reasoner.dispose();
    await rm(folder, { recursive: true });
  });
  const examples = drawExamples({ count: 30, seed: 2 });
  const given = () => ({
    reasoner,
    task: toyTask,
    examples,
    responses: new OwnResponses({ reasoner, task: toyTask }),
    batch: 8,
  });

  it('answers follow another example’s words, stay with one’s own, and the words bring the thoughts back', async () => {
    // A first run leaves what the model keeps, such as rotations.
    await auditWords(given());
    const tensors = tf.memory().numTensors;
    const audits = await auditWords({
      ...given(),
      counterfactual: ({ partner }: { partner: ReasoningExample }) => partner.answer,
    });
    expect(tf.memory().numTensors).toBe(tensors);
    expect(audits).toHaveLength(1);
    const [audit] = audits;
    expect(audit).toMatchObject({ stage: 'step_1', edit: 'another example’s words', stays: null });
    expect(audit!.follows!.count).toBeGreaterThan(25);
    expect(audit!.follows!.value).toBeGreaterThan(0.9);
    expect(audit!.ownWords!.value).toBeGreaterThan(0.9);
    for (const returned of [audit!.read!, audit!.seen!]) {
      expect(returned.count).toBe(30);
      expect(returned.own.value).toBeGreaterThan(returned.another.value + 0.5);
      expect(returned.another.value).toBeLessThan(0.2);
    }
    expect(wordsSentences(audits)[0]).toMatch(/^With step_1 edited to another example’s words, the answer follows in/);
    const markdown = thinkingMarkdown({ words: audits }).join('\n');
    expect(markdown).toContain('| stage edited in words |');
    expect(markdown).toContain('| step_1 | another example’s words | ');
  });

  it('says nothing of what follows where the data does not tell, and nothing at all of a model that was not taught words', async () => {
    const [audit] = await auditWords(given());
    expect(audit).toMatchObject({ follows: null, stays: null });
    expect(wordsSentences([audit!])[0]).toContain('the expected answer is not known');
    const plain = trainNumberReasoner({ visibility: 'chain' });
    await plain.save({ folder: join(folder, 'plain') });
    plain.dispose();
    const loaded = await Reasoner.load({ folder: join(folder, 'plain') });
    expect(await auditWords({ ...given(), reasoner: loaded })).toEqual([]);
    loaded.dispose();
  }, 60_000);
});
