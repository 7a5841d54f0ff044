import { tf, useEngine } from '@subtext/tensor';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';

import { createModel } from '../create-model';
import type { LanguageModel } from '../language-model';
import { describeOnEngines } from '../parity/engines';
import { Conversation } from './conversation';
import { DecodingSession } from './decoding-session';
import { generate } from './generate';

const llama = {
  ...{ model_type: 'llama', vocab_size: 40, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2 },
  ...{ num_attention_heads: 4, num_key_value_heads: 2, max_position_embeddings: 48, initializer_range: 0.3 },
};
const configs = {
  llama,
  gpt2: {
    model_type: 'gpt2',
    vocab_size: 40,
    n_embd: 16,
    n_layer: 2,
    n_head: 2,
    n_positions: 48,
    initializer_range: 0.3,
  },
  // A sliding window.
  mistral: { ...llama, model_type: 'mistral', sliding_window: 4 },
  // Rotates otherwise beyond 12 positions: everything is computed anew there.
  phi3: {
    ...llama,
    ...{ model_type: 'phi3', num_key_value_heads: 4, original_max_position_embeddings: 12, pad_token_id: 0 },
    rope_scaling: { type: 'longrope', short_factor: [1, 1], long_factor: [2, 4] },
  },
};

describeOnEngines('a conversation', (engine) => {
  let before = 0;
  let model: LanguageModel;
  beforeAll(async () => void (await useEngine({ engine })));
  beforeEach(() => void (before = tf.memory().numTensors));
  afterEach(() => {
    vi.restoreAllMocks();
    model.dispose();
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before);
  });

  it.each(Object.keys(configs) as (keyof typeof configs)[])(
    '%s: answers turn after turn as it would anew, and computes only what is new',
    async (family) => {
      model = createModel({ config: configs[family], seed: 5 });
      const feeds: number[] = [];
      const feed = vi.spyOn(DecodingSession.prototype, 'feed');
      const conversation = new Conversation({ model });
      let text = [3, 4, 5];
      for (const turn of [[], [9, 8], [1], [17, 18, 19]]) {
        text = [...text, ...turn];
        feed.mockClear();
        const { ids, reused } = await conversation.continue({ ids: text, maxNewTokens: 5 });
        feeds.push(feed.mock.calls[0]![0].embeddings.shape[1]);
        expect(feeds.at(-1)).toBe(text.length - reused);
        expect(ids).toEqual((await generate({ model, inputs: [text], maxNewTokens: 5 })).ids);
        text = [...text, ...ids[0]!];
      }
      // After the first turn only the turn, and the last token of the answer before it.
      expect(feeds).toEqual([3, 3, 2, 4]);
      conversation.dispose();
    },
  );

  it('goes on from where a changed text parts from what is held', async () => {
    model = createModel({ config: llama, seed: 5 });
    const conversation = new Conversation({ model });
    await conversation.continue({ ids: [3, 4, 5, 6, 7], maxNewTokens: 4 });
    const changed = [3, 4, 5, 30, 31];
    const turn = await conversation.continue({ ids: changed, maxNewTokens: 4 });
    expect(turn.reused).toBe(3);
    expect(turn.ids).toEqual((await generate({ model, inputs: [changed], maxNewTokens: 4 })).ids);
    // The same once more, a shorter one, and another altogether.
    for (const ids of [changed, [3, 4], [20]]) {
      const { ids: written, reused } = await conversation.continue({ ids, maxNewTokens: 4 });
      expect(reused).toBe(ids[0] === 20 ? 0 : ids.length - 1);
      expect(written).toEqual((await generate({ model, inputs: [ids], maxNewTokens: 4 })).ids);
    }
    conversation.dispose();
  });

  it('draws, and penalises what earlier turns hold, as it would anew', async () => {
    model = createModel({ config: llama, seed: 5 });
    const conversation = new Conversation({ model });
    const options = { maxNewTokens: 6, temperature: 0.8, topK: 12, repetitionPenalty: 1.5, seed: 3 };
    const { ids } = await conversation.continue({ ids: [3, 4, 5, 6], ...options });
    const text = [3, 4, 5, 6, ...ids[0]!, 7, 9];
    expect((await conversation.continue({ ids: text, ...options })).ids).toEqual(
      (await generate({ model, inputs: [text], ...options })).ids,
    );
    conversation.dispose();
  });

  it('survives a turn that is broken off, and one that fails', async () => {
    model = createModel({ config: llama, seed: 5 });
    const conversation = new Conversation({ model });
    const stop = new AbortController();
    const text = [3, 4, 5, 6];
    const { ids, reasons } = await conversation.continue({
      ids: text,
      maxNewTokens: 9,
      signal: stop.signal,
      onToken: ({ index }) => void (index === 1 && stop.abort()),
    });
    expect([ids[0]!.length, reasons]).toEqual([2, ['aborted']]);
    await expect(conversation.continue({ ids: [...text, ...ids[0]!, 40], maxNewTokens: 1 })).rejects.toThrow();
    await expect(conversation.continue({ ids: [], maxNewTokens: 1 })).rejects.toThrow();
    await expect(conversation.continue({ ids: new Array<number>(49).fill(3), maxNewTokens: 1 })).rejects.toThrow(
      /has 49 tokens; this llama has room for 48/,
    );
    const next = [...text, ...ids[0]!, 11];
    expect((await conversation.continue({ ids: next, maxNewTokens: 4 })).ids).toEqual(
      (await generate({ model, inputs: [next], maxNewTokens: 4 })).ids,
    );
    conversation.dispose();
  });

  it('has a session that keeps the first positions of every row, or says why not', () => {
    model = createModel({ config: llama, seed: 5 });
    const session = new DecodingSession({ model, batch: 2, capacity: 8 });
    const feed = (ids: number[][], mask?: number[][]) =>
      tf.tidy(() => [
        ...session
          .logits(session.feed({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')), mask }).hidden)
          .dataSync(),
      ]);
    feed(
      [
        [0, 3, 4],
        [5, 6, 7],
      ],
      [
        [0, 1, 1],
        [1, 1, 1],
      ],
    );
    const first = feed([[8], [9]]);
    feed([[10], [11]]);
    session.keepFirst(3);
    expect([session.length, session.positions]).toEqual([3, [2, 3]]);
    expect(feed([[8], [9]])).toEqual(first);
    for (const length of [-1, 5, 1.5])
      expect(() => session.keepFirst(length)).toThrow(/number of positions to keep, at most 4/);
    session.dispose();
  });
});
