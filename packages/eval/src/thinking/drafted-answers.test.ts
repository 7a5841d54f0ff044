import { DecodingSession } from '@subtext/model';
import { Reasoner } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { expect, it, vi } from 'vitest';

import { toyExamples, trainToyReasoner } from '../../test/toy-reasoner';

it('a trained reasoner answers the same with and without the draft of its thinking tokens, in fewer passes with it', async () => {
  await useEngine({ engine: 'wasm' });
  const reasoner = trainToyReasoner();
  const questions = toyExamples({ count: 20, seed: 4 });
  const feed = vi.spyOn(DecodingSession.prototype, 'feed');
  try {
    const drafted = await reasoner.think({ questions });
    const draftedPasses = feed.mock.calls.length;
    feed.mockClear();
    const undrafted = new Reasoner({
      model: reasoner.model,
      tokenizer: reasoner.tokenizer,
      settings: { ...reasoner.settings },
    });
    undrafted.method.responseStart = undefined;
    const plain = await undrafted.think({ questions });
    expect(drafted.map(({ text, tokens, finished }) => ({ text, tokens, finished }))).toEqual(
      plain.map(({ text, tokens, finished }) => ({ text, tokens, finished })),
    );
    // <STEP_1> thought </STEP_1> <CONCLUSION> 7 </CONCLUSION> </s>: the first four with the prompt.
    expect(plain.every(({ tokens }) => tokens.generated === 7)).toBe(true);
    expect(feed).toHaveBeenCalledTimes(7);
    expect(draftedPasses).toBe(3);
    expect([drafted, plain].map((answers) => new Set(answers.map(({ passes }) => passes)))).toEqual([
      new Set([3]),
      new Set([7]),
    ]);
    for (const [index, { thoughts }] of drafted.entries()) {
      expect(thoughts.map(({ stage, position }) => ({ stage, position }))).toEqual([{ stage: 'step_1', position: 1 }]);
      const own = plain[index]!.thoughts[0]!.hidden;
      expect(Math.max(...thoughts[0]!.hidden.map((value, unit) => Math.abs(value - own[unit]!)))).toBeLessThan(1e-4);
    }
  } finally {
    feed.mockRestore();
    reasoner.dispose();
  }
});
