import { RandomStream, tf } from '@subtext/tensor';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { createModel } from '../create-model';
import type { LanguageModel } from '../language-model';
import { DecodingSession } from './decoding-session';
import { generate } from './generate';
import { sampleToken } from './sample-token';
import { describeOnEngines } from '../parity/engines';
import { largestDifference } from '../parity/recorded';

const config = {
  model_type: 'llama',
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 5000,
  initializer_range: 0.3,
};

describeOnEngines('generation that goes wrong', () => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = createModel({ config, seed: 5 });
    // Tables of rotary positions are made at the first pass, and kept.
    await generate({ model, inputs: [[1]], maxNewTokens: 1 });
  });
  afterAll(() => model.dispose());

  const prompts = [
    [3, 4, 5],
    [6, 7],
  ];
  const embed = (ids: number[][]) => model.embed(tf.tensor2d(ids, undefined, 'int32'));

  /** Runs with a row of the output layer that gives one token this logit. */
  async function withLogit(logit: number, token: number, run: () => Promise<unknown>): Promise<void> {
    const head = model.parameters.get('lm_head.weight');
    const before = tf.clone(head);
    tf.tidy(() =>
      head.assign(
        tf.where(
          tf.broadcastTo(tf.equal(tf.reshape(tf.range(0, 40), [40, 1]), tf.scalar(token)), head.shape),
          tf.fill(head.shape, logit),
          head,
        ),
      ),
    );
    try {
      await run();
    } finally {
      head.assign(before);
      before.dispose();
    }
  }

  it.each([
    ['greedily', {}],
    ['greedily, with a draft', { draft: [1, 2] }],
    ['greedily, before stop ids are allowed', { minNewTokens: 2, stopIds: [0] }],
    ['by sampling', { temperature: 1 }],
    ['by sampling the likeliest one', { temperature: 1, topK: 1 }],
  ])('names logits that are no numbers, %s, and leaves no tensor', async (_, options) => {
    for (const token of [0, 17, 39]) {
      await withLogit(NaN, token, async () => {
        const tensors = tf.memory().numTensors;
        await expect(generate({ model, inputs: prompts, maxNewTokens: 3, ...options })).rejects.toMatchObject({
          code: 'not-a-number',
          message: expect.stringContaining('not numbers') as string,
        });
        expect(tf.memory().numTensors).toBe(tensors);
      });
    }
  });

  it('draws nothing from a row that holds NaN or infinity', async () => {
    for (const bad of [
      [1, NaN, 2],
      [1, Infinity, 2],
      [-Infinity, -Infinity],
    ]) {
      for (const temperature of [0, 1])
        expect(() =>
          sampleToken({ logits: Float32Array.from(bad), temperature, random: new RandomStream({ seed: 1 }) }),
        ).toThrow(expect.objectContaining({ code: 'not-a-number' }));
    }
  });

  it.each([
    ['topK', [1.5, -1, 0, NaN]],
    ['topP', [NaN, -1, 1.1, Infinity]],
    ['temperature', [NaN, -1, Infinity]],
    ['seed', [NaN, 0.5, Infinity]],
    ['maxNewTokens', [NaN, 1.5, Infinity, -1]],
    ['minNewTokens', [NaN, 0.5, -1]],
    ['stopIds', [[1.5], [NaN], [-1], [[1]], [[1], 2]]],
    ['outputStates', [{ layer: 3 }, { layer: -1 }, { layer: 0.5 }]],
    ['draft', [[40], [-1], [0.5], [NaN]]],
    ['inputs', [[[NaN]], [[0.5]], [[-1]], [[40]]]],
  ] as const)('refuses %s that are none', async (name, values) => {
    for (const value of values)
      await expect(generate({ model, inputs: prompts, maxNewTokens: 2, [name]: value } as never)).rejects.toMatchObject(
        { code: name === 'inputs' ? 'invalid-token-id' : 'invalid-option' },
      );
    if (['topK', 'topP', 'temperature'].includes(name)) {
      for (const value of values)
        expect(() =>
          sampleToken({
            logits: Float32Array.of(1, 2),
            temperature: 1,
            random: new RandomStream({ seed: 1 }),
            [name]: value,
          }),
        ).toThrow(expect.objectContaining({ code: 'invalid-option' }));
    }
  });

  it('refuses embedded prompts whose shape or mask does not fit', async () => {
    const embeddings = embed(prompts.map((ids) => ids.slice(0, 2)));
    const refused = (inputs: object) =>
      expect(generate({ model, inputs: inputs as never, maxNewTokens: 2 })).rejects.toMatchObject({
        code: 'invalid-option',
      });
    for (const mask of [
      [[1, 1]],
      [[1, 1], [1]],
      [
        [1, 1],
        [1, 2],
      ],
      [
        [1, 1],
        [1, NaN],
      ],
    ])
      await refused({ embeddings, mask });
    const [narrow, empty, flat] = [tf.ones([2, 2, 15]), tf.ones([2, 0, 16]), tf.ones([2, 16])];
    for (const wrong of [narrow, empty, flat]) await refused({ embeddings: wrong });
    tf.dispose([embeddings, narrow, empty, flat]);
  });

  it('forks a row that is selected twice', () => {
    tf.tidy(() => {
      const session = new DecodingSession({ model, batch: 1, capacity: 9 });
      session.feed({ embeddings: embed([[1, 2, 3]]) });
      session.selectRows([0, 0]);
      // Row 1 waits: the fork's seen positions are its own.
      session.feed({ embeddings: embed([[9], [9]]), mask: [[1], [0]] });
      const { hidden } = session.feed({ embeddings: embed([[5], [5]]) });
      session.dispose();
      for (const [row, ids] of [
        [1, 2, 3, 9, 5],
        [1, 2, 3, 5],
      ].entries()) {
        const alone = model.forward({ embeddings: embed([ids]) }).hidden;
        expect(
          largestDifference(
            hidden.slice([row, 0, 0], [1, 1, 16]).dataSync(),
            alone.slice([0, ids.length - 1, 0], [1, 1, 16]).dataSync(),
          ),
        ).toBeLessThan(1e-4);
      }
    });
  });

  it('is what it was after a feed that failed, wherever it failed', () => {
    tf.tidy(() => {
      const expected = model
        .forward({ embeddings: embed([[1, 2, 3, 4]]) })
        .hidden.slice([0, 3, 0], [1, 1, 16])
        .dataSync();
      const session = new DecodingSession({ model, batch: 1, capacity: 9 });
      session.feed({ embeddings: embed([[1, 2, 3]]) });
      const failures: [spied: string, feed: () => unknown][] = [
        ['the mask', () => session.feed({ embeddings: embed([[7, 7]]), mask: [[1]] })],
        ['the width', () => session.feed({ embeddings: tf.ones([1, 2, 15]) })],
        ['the batch', () => session.feed({ embeddings: embed([[7], [7]]) })],
        ['outputPositions', () => session.feed({ embeddings: embed([[7, 7]]), outputPositions: 3 })],
        ['room', () => session.feed({ embeddings: embed([[7, 7, 7, 7, 7, 7, 7]]) })],
      ];
      for (const [what, feed] of failures) {
        expect(feed, what).toThrow();
        expect([session.length, session.positions]).toEqual([3, [3]]);
      }
      // In the middle of the model: the first layer has written, the last has not; then after all have.
      const { blocks } = model as unknown as { blocks: { apply: (options: object) => tf.Tensor3D }[] };
      const last = vi.spyOn(blocks[1]!, 'apply').mockImplementationOnce(() => {
        throw new Error('no memory');
      });
      expect(() => session.feed({ embeddings: embed([[7, 8]]) })).toThrow('no memory');
      last.mockRestore();
      expect(() => session.forgetLast([4])).toThrow(expect.objectContaining({ code: 'invalid-option' }));
      expect(() => session.forgetLast([-1])).toThrow(/forgetLast/);
      expect(() => session.forgetLast([])).toThrow(/forgetLast/);
      expect(() => session.selectRows([1])).toThrow(/no row 1/);
      expect(largestDifference(session.feed({ embeddings: embed([[4]]) }).hidden.dataSync(), expected)).toBeLessThan(
        1e-4,
      );
      expect([session.length, session.positions]).toEqual([4, [4]]);
      session.dispose();
    });
  });

  it('takes memory for the tokens that are written, not for those that might be', async () => {
    const free = await generate({ model, inputs: [[3]], maxNewTokens: 1 });
    let bytes = 0;
    const before = tf.memory().numBytes;
    const { ids } = await generate({
      model,
      inputs: [[3]],
      maxNewTokens: 4000,
      stopIds: free.ids[0],
      onToken: () => (bytes = Math.max(bytes, tf.memory().numBytes - before)),
    });
    expect(ids).toEqual(free.ids);
    // Two layers of keys and values of width 8, with room for 4000 positions: half a megabyte.
    expect(bytes).toBeLessThan(50_000);
  });

  it('goes on as before where the cache had to grow', async () => {
    const { ids } = await generate({ model, inputs: [[3, 4]], maxNewTokens: 150 });
    const whole = tf.tidy(() =>
      model
        .logits(model.forward({ embeddings: embed([[3, 4, ...(ids[0] as number[]).slice(0, -1)]]) }).hidden)
        .argMax(-1)
        .dataSync(),
    );
    expect([...whole.slice(1)]).toEqual(ids[0]);
  });
});
