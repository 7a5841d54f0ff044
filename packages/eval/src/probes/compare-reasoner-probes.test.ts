import { untrainedReasoner, untrainedThoughts, questionStates } from '@subtext/decoder';
import type { Answer, Reasoner } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { toyExamples, trainToyReasoner } from '../../test/toy-reasoner';
import { compareReasonerProbes } from './compare-reasoner-probes';
import { probeMarkdown } from './probe-report';

beforeAll(async () => void (await useEngine({ engine: 'wasm' })));

const examples = toyExamples({ count: 120, seed: 9 });

describe.each([
  ['thinking tokens', { name: 'heima', textPhase: false, recovering: false }],
  ['continuous thoughts', { name: 'coconut', continuousThoughts: 2 }],
] as const)('%s', (_, method) => {
  let reasoner: Reasoner;
  let answers: Answer[];
  beforeAll(async () => {
    reasoner = trainToyReasoner({ method });
    answers = await reasoner.think({ questions: examples });
  }, 60_000);
  afterAll(() => reasoner.dispose());

  it('reads states where the thoughts are read, batches alike, and of an untrained model others', async () => {
    const options = { reasoner, questions: examples, answers, batch: 50 };
    const again = await untrainedThoughts(options);
    for (const [index, { thoughts }] of answers.entries()) {
      expect(again[index]!.length).toBe(thoughts.length);
      for (const [place, { hidden }] of thoughts.entries())
        for (const [unit, value] of hidden.entries()) expect(again[index]![place]!.hidden[unit]).toBeCloseTo(value, 3);
    }
    const other = untrainedReasoner({ reasoner, seed: 1 });
    const same = untrainedReasoner({ reasoner, seed: 1 });
    const [drawn, drawnAgain] = [
      await untrainedThoughts({ ...options, reasoner: other }),
      await untrainedThoughts({ ...options, reasoner: same }),
    ];
    expect(drawn).toEqual(drawnAgain);
    expect(drawn.map(({ length }) => length)).toEqual(answers.map(({ thoughts }) => thoughts.length));
    expect(drawn[0]![0]!.hidden).not.toEqual(answers[0]!.thoughts[0]!.hidden);
    expect(other.model.dimensions).toEqual(reasoner.model.dimensions);
    other.dispose();
    same.dispose();
  });

  it('reads the question’s positions before any thought', async () => {
    const before = tf.memory().numTensors;
    const [found] = await questionStates({ reasoner, questions: examples, answers, count: 3 });
    expect(tf.memory().numTensors).toBe(before);
    // One example alone, up to a position later: causal states do not change.
    const { prompt, thoughts } = answers[0]!;
    const first = prompt.length + thoughts[0]!.position - 1;
    const ids = prompt.slice(0, Math.min(prompt.length, first));
    const states = tf.tidy(() =>
      reasoner.model
        .forward({ embeddings: reasoner.model.embed(tf.tensor2d([ids], undefined, 'int32')) })
        .hidden.arraySync(),
    )[0]!;
    expect(found!.last).toHaveLength(3);
    for (const [place, state] of found!.last.entries())
      for (const [unit, value] of state.entries())
        expect(value).toBeCloseTo(states[states.length - 3 + place]![unit]!, 3);
    for (const [unit, value] of found!.mean.entries())
      expect(value).toBeCloseTo(
        states.reduce((sum, state) => sum + state[unit]! / states.length, 0),
        3,
      );
  });

  it('sees that a fact of the question’s last word is no thought’s merit', async () => {
    const { facts, left } = await compareReasonerProbes({ reasoner, examples, questions: examples, answers });
    expect(left).toEqual([]);
    expect(new Set(facts.map(({ fact }) => fact))).toEqual(new Set(['answer']));
    const { comparison } = facts[0]!;
    expect(comparison.baselines.map(({ name }) => name)).toEqual([
      'commonest label',
      'shuffled labels',
      'control task',
      'untrained model',
      'question, last positions',
      'question, mean',
    ]);
    expect(comparison.accuracy.value).toBeGreaterThan(0.9);
    expect(comparison.verdict).toBe('no better than a baseline');
    expect(probeMarkdown({ facts, left })).toContain('no better than a baseline');
    await expect(
      compareReasonerProbes({ reasoner, examples, questions: examples, answers, labels: ['weather'] }),
    ).rejects.toThrowError(/no fact "weather".*choose from: answer/);
    await expect(
      compareReasonerProbes({
        reasoner,
        examples,
        questions: examples,
        answers: answers.map((answer) => ({ ...answer, thoughts: [] })),
      }),
    ).rejects.toThrowError(/No example has a thought/);
  }, 60_000);
});
