import { tf, RandomStream } from '@subtext/tensor';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { createModel } from '../create-model';
import type { LanguageModel } from '../language-model';
import { DecodingSession, lastPosition } from './decoding-session';
import { leftPad } from './embed-prompts';
import { generate } from './generate';
import type { GeneratedToken } from './generate-options';
import { penaliseRepetition } from './penalise-repetition';
import { sampleToken } from './sample-token';
import { describeOnEngines } from '../parity/engines';
import { largestDifference } from '../parity/recorded';

const families = {
  gpt2: {
    model_type: 'gpt2',
    vocab_size: 40,
    n_positions: 32,
    n_embd: 16,
    n_layer: 2,
    n_head: 2,
    initializer_range: 0.3,
  },
  llama: {
    model_type: 'llama',
    vocab_size: 40,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 32,
    initializer_range: 0.3,
  },
};

describeOnEngines('generate', () => {
  describe.each(Object.entries(families))('%s', (_name, config) => {
    let model: LanguageModel;
    beforeAll(() => {
      model = createModel({ config, seed: 5 });
    });
    afterAll(() => model.dispose());

    const prompts = [
      [3, 4, 5, 6, 7, 8, 9],
      [10, 11],
      [12, 13, 14, 15],
    ];

    it('gives each row what it gives alone, whatever is beside it', async () => {
      const together = await generate({ model, inputs: prompts, maxNewTokens: 6 });
      for (const [row, prompt] of prompts.entries()) {
        const alone = await generate({ model, inputs: [prompt], maxNewTokens: 6 });
        expect(together.ids[row]).toEqual(alone.ids[0]);
      }
      expect(together.reasons).toEqual(['max-new-tokens', 'max-new-tokens', 'max-new-tokens']);
    });

    it('never writes what generation_config.json suppresses, greedy or sampled, and refuses ids that there are not', async () => {
      const [free] = (await generate({ model, inputs: [prompts[0]!], maxNewTokens: 6 })).ids as [number[]];
      const suppressed = [...new Set(free)];
      try {
        model.generationConfig = { suppress_tokens: suppressed };
        for (const temperature of [0, 5])
          for (const ids of (await generate({ model, inputs: prompts, maxNewTokens: 12, temperature })).ids)
            expect(ids.filter((id) => suppressed.includes(id))).toEqual([]);
        model.generationConfig = { suppress_tokens: [] };
        expect((await generate({ model, inputs: [prompts[0]!], maxNewTokens: 6 })).ids).toEqual([free]);
        for (const wrong of [[40], [-1], [0.5], 'all', Array.from({ length: 40 }, (_, id) => id)]) {
          model.generationConfig = { suppress_tokens: wrong };
          const before = tf.memory().numTensors;
          await expect(generate({ model, inputs: prompts, maxNewTokens: 2 })).rejects.toMatchObject({
            code: 'invalid-option',
            message: expect.stringContaining('suppress_tokens'),
          });
          expect(tf.memory().numTensors).toBe(before);
        }
      } finally {
        model.generationConfig = null;
      }
    });

    it('samples each row from its own stream: the same for the same seed, and for the same row in another batch', async () => {
      const sampled = { model, maxNewTokens: 6, temperature: 1.2, topK: 20, topP: 0.95 };
      const first = await generate({ ...sampled, inputs: prompts, seed: 3 });
      expect(await generate({ ...sampled, inputs: prompts, seed: 3 })).toEqual(first);
      expect((await generate({ ...sampled, inputs: prompts, seed: 4 })).ids).not.toEqual(first.ids);
      expect((await generate({ ...sampled, inputs: prompts.slice(0, 1), seed: 3 })).ids[0]).toEqual(first.ids[0]);
    });

    it('says no token twice under a high penalty, greedy or sampled, whatever is beside a row', async () => {
      const inputs = [[1, 2, 3], [4, 5], [6]];
      for (const temperature of [0, 1]) {
        const options = { model, maxNewTokens: 12, temperature, topK: 1, repetitionPenalty: 1e6 };
        const { ids } = await generate({ ...options, inputs });
        for (const [row, own] of ids.entries())
          expect(new Set([...inputs[row]!, ...own]).size).toBe(inputs[row]!.length + 12);
        expect((await generate({ ...options, inputs: inputs.slice(1, 2) })).ids).toEqual([ids[1]]);
      }
    });

    it('ends rows at their stop ids, not before minNewTokens, and drops them without touching the others', async () => {
      const free = await generate({ model, inputs: prompts, maxNewTokens: 8 });
      const stop = free.ids[0]?.[2] as number;
      const stopIds = [[stop], [], []];
      const stopped = await generate({ model, inputs: prompts, maxNewTokens: 8, stopIds });
      const end = (free.ids[0] as number[]).indexOf(stop) + 1;
      expect(stopped.ids[0]).toEqual(free.ids[0]?.slice(0, end));
      expect(stopped.reasons[0]).toBe('stop-id');
      expect(stopped.ids.slice(1)).toEqual(free.ids.slice(1));
      const both = await generate({
        model,
        inputs: prompts,
        maxNewTokens: 8,
        stopIds: [stopIds[0] as number[], [free.ids[1]?.[0] as number], []],
      });
      expect(both.ids[2]).toEqual(free.ids[2]);
      const late = await generate({ model, inputs: prompts, maxNewTokens: 8, stopIds, minNewTokens: 5 });
      expect(late.ids[0]?.slice(0, 5)).not.toContain(stop);
      expect(late.ids[0]?.length).toBeGreaterThanOrEqual(5);
    });

    it('gives the state behind each token, from the last layer or another', async () => {
      const last = await generate({ model, inputs: prompts, maxNewTokens: 4, outputStates: true });
      const first = await generate({ model, inputs: prompts, maxNewTokens: 4, outputStates: { layer: 1 } });
      for (const [row, prompt] of prompts.entries()) {
        tf.tidy(() => {
          const whole = [...prompt, ...(last.ids[row] as number[])];
          const { hidden, hiddenStates } = model.forward({
            embeddings: model.embed(tf.tensor2d([whole], undefined, 'int32')),
            outputHiddenStates: true,
          });
          for (let index = 0; index < 4; index++) {
            const at = (states: tf.Tensor3D) => states.slice([0, prompt.length + index - 1, 0], [1, 1, -1]).dataSync();
            expect(largestDifference(last.states?.[row]?.[index] as Float32Array, at(hidden))).toBeLessThan(1e-4);
            expect(
              largestDifference(first.states?.[row]?.[index] as Float32Array, at(hiddenStates?.[1] as tf.Tensor3D)),
            ).toBeLessThan(1e-4);
          }
        });
      }
    });

    it('gives the same tokens and states with a draft, whether right, partly right or wrong', async () => {
      const settings = { model, inputs: prompts, maxNewTokens: 6, outputStates: true };
      const plain = await generate(settings);
      const first = plain.ids[0] as number[];
      const wrong = (id: number | undefined) => ((id as number) + 1) % 40;
      // Right for the first row at most: the others reject it, each at its own place.
      for (const draft of [
        first.slice(0, 4),
        first,
        [...first.slice(0, 2), wrong(first[2])],
        [wrong(first[0])],
        [...first, 1, 2, 3],
      ]) {
        const tensors = tf.memory().numTensors;
        const tokens: GeneratedToken[] = [];
        const drafted = await generate({ ...settings, draft, onToken: (token) => tokens.push(token) });
        expect(tf.memory().numTensors).toBe(tensors);
        expect(drafted.ids).toEqual(plain.ids);
        expect(drafted.reasons).toEqual(plain.reasons);
        expect(plain.passes).toEqual([6, 6, 6]);
        const accepted = plain.ids.map((ids) => draft.slice(0, 5).findIndex((id, index) => id !== ids[index]));
        expect(drafted.passes).toEqual(accepted.map((count) => 6 - (count < 0 ? Math.min(draft.length, 5) : count)));
        for (const [row, states] of drafted.states!.entries()) {
          for (const [index, state] of states.entries())
            expect(largestDifference(state, plain.states![row]![index] as Float32Array)).toBeLessThan(1e-4);
        }
        for (const [row, expected] of plain.ids.entries())
          expect(tokens.filter((token) => token.row === row).map(({ id, index }) => [index, id])).toEqual(
            expected.map((id, index) => [index, id]),
          );
      }
      const stop = first[2] as number;
      const stopped = await generate({ ...settings, stopIds: [stop] });
      expect(
        await generate({ ...settings, stopIds: [stop], draft: first }).then(({ ids, reasons }) => ({ ids, reasons })),
      ).toEqual({ ids: stopped.ids, reasons: stopped.reasons });
    });

    it('runs an accepted draft in one pass, and leaves it unused where it samples', async () => {
      const inputs = prompts.slice(0, 1);
      const plain = await generate({ model, inputs, maxNewTokens: 6 });
      const feed = vi.spyOn(DecodingSession.prototype, 'feed');
      try {
        await generate({ model, inputs, maxNewTokens: 6, draft: (plain.ids[0] as number[]).slice(0, 4) });
        expect(feed).toHaveBeenCalledTimes(2);
        feed.mockClear();
        const sampled = { model, inputs, maxNewTokens: 6, temperature: 1, seed: 2 };
        const drafted = await generate({ ...sampled, draft: plain.ids[0] });
        expect(feed).toHaveBeenCalledTimes(6);
        expect(drafted.ids).toEqual((await generate(sampled)).ids);
      } finally {
        feed.mockRestore();
      }
      await expect(generate({ model, inputs, maxNewTokens: 2, draft: [40] })).rejects.toMatchObject({
        code: 'invalid-option',
      });
    });

    it('tells of tokens as they come and leaves no tensor behind', async () => {
      const tokens: GeneratedToken[] = [];
      const run = () =>
        generate({
          model,
          inputs: prompts,
          maxNewTokens: 5,
          outputStates: true,
          onToken: (token) => tokens.push(token),
        });
      const { ids } = await run();
      expect(tokens.length).toBe(15);
      for (const [row, expected] of ids.entries())
        expect(tokens.filter((token) => token.row === row).map(({ id }) => id)).toEqual(expected);
      expect(tokens.filter(({ last }) => last).map(({ index }) => index)).toEqual([4, 4, 4]);
      const before = tf.memory().numTensors;
      await run();
      expect(tf.memory().numTensors).toBe(before);
    });

    it('goes on from a session that holds the beginnings, as if it had been given all', async () => {
      const whole = await generate({ model, inputs: prompts, maxNewTokens: 6, outputStates: true });
      const session = new DecodingSession({ model, batch: 3, capacity: 16 });
      const begun = leftPad({ prompts: prompts.map((prompt) => prompt.slice(0, -1)) });
      tf.tidy(() => {
        session.feed({ embeddings: model.embed(tf.tensor2d(begun.ids, [3, begun.time], 'int32')), mask: begun.mask });
      });
      const inputs = prompts.map((prompt) => prompt.slice(-1));
      const rest = await generate({ model, inputs, session, maxNewTokens: 6, outputStates: true });
      session.dispose();
      expect(rest.ids).toEqual(whole.ids);
      for (const [row, states] of rest.states!.entries())
        for (const [index, state] of states.entries())
          expect(largestDifference(state, whole.states?.[row]?.[index] as Float32Array)).toBeLessThan(1e-4);
      await expect(
        generate({
          model,
          inputs: inputs.slice(1),
          session: new DecodingSession({ model, batch: 3, capacity: 4 }),
          maxNewTokens: 1,
        }),
      ).rejects.toThrow(/3 rows, but inputs have 2/);
    });

    it('ends at the last position the model has', async () => {
      const { ids, reasons } = await generate({
        model,
        inputs: [Array.from({ length: 30 }, (_, index) => index)],
        maxNewTokens: 10,
      });
      expect([ids[0]?.length, reasons[0]]).toEqual([3, 'max-positions']);
    });

    it('stops when told to', async () => {
      const controller = new AbortController();
      const { ids, reasons } = await generate({
        model,
        inputs: [[3]],
        maxNewTokens: 10,
        signal: controller.signal,
        onToken: ({ index }) => index === 2 && controller.abort(),
      });
      expect([ids[0]?.length, reasons[0]]).toEqual([3, 'aborted']);
    });

    it('refuses what it cannot do', async () => {
      const refused = (options: object) =>
        expect(generate({ model, inputs: prompts, maxNewTokens: 2, ...options })).rejects;
      await refused({ inputs: [] }).toThrow(/no prompt/);
      await refused({ inputs: [[1], []] }).toThrow(/Prompt 1 is empty/);
      await refused({ inputs: [[1, 40]] }).toThrow(/id 40 at position 1.*0 to 39/);
      await refused({ inputs: [new Array(33).fill(1)] }).toThrow(/33 tokens.*room for 32/);
      await refused({ maxNewTokens: 0 }).toThrow(/maxNewTokens/);
      await refused({ minNewTokens: 3 }).toThrow(/minNewTokens/);
      await refused({ temperature: -1 }).toThrow(/temperature/);
      await refused({ topP: 0 }).toThrow(/topP/);
      await refused({ topK: 0 }).toThrow(/topK/);
      await refused({ stopIds: [[1]] }).toThrow(/stopIds/);
    });

    it('feeds hidden states back, as continuous thoughts, the same stepwise as in one growing pass', () => {
      const thoughts = 3;
      const prompt = [3, 4, 5, 6];
      const stepwise = tf.tidy(() => {
        const session = new DecodingSession({ model, batch: 1, capacity: 16 });
        let { hidden } = session.feed({ embeddings: model.embed(tf.tensor2d([prompt], undefined, 'int32')) });
        for (let thought = 0; thought < thoughts; thought++)
          ({ hidden } = session.feed({ embeddings: lastPosition(hidden) }));
        const logits = session.logits(hidden).dataSync().slice();
        expect(session.length).toBe(prompt.length + thoughts);
        session.dispose();
        return logits;
      });
      const growing = tf.tidy(() => {
        const cache = model.newGrowingCache();
        let { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d([prompt], undefined, 'int32')), cache });
        for (let thought = 0; thought < thoughts; thought++)
          ({ hidden } = model.forward({ embeddings: lastPosition(hidden), cache }));
        return model.logits(hidden).dataSync().slice();
      });
      // And by recomputing everything from the inputs, thoughts among them.
      const recomputed = tf.tidy(() => {
        let inputs = model.embed(tf.tensor2d([prompt], undefined, 'int32'));
        for (let thought = 0; thought < thoughts; thought++)
          inputs = tf.concat([inputs, lastPosition(model.forward({ embeddings: inputs }).hidden)], 1);
        return model
          .logits(lastPosition(model.forward({ embeddings: inputs }).hidden))
          .dataSync()
          .slice();
      });
      expect(largestDifference(stepwise, recomputed)).toBeLessThan(1e-4);
      expect(largestDifference(growing, recomputed)).toBeLessThan(1e-4);
    });

    it('gives the last positions alone where only they are asked for, with a cache and any mask', () => {
      tf.tidy(() => {
        const ids = tf.tensor2d(
          [
            [0, 3, 4, 5, 6],
            [7, 8, 9, 10, 11],
          ],
          undefined,
          'int32',
        );
        const padding = tf.tensor2d(
          [
            [0, 1, 1, 1, 1],
            [1, 1, 1, 1, 1],
          ],
          undefined,
          'int32',
        );
        const byQuery = tf.mul(
          tf.reshape(padding, [2, 1, 5]),
          tf.tensor3d(
            [
              [[1], [1], [1], [1], [1]],
              [[1], [1], [1], [1], [1]],
            ],
            undefined,
            'int32',
          ),
        ) as tf.Tensor3D;
        const positions = tf.tensor2d(
          [
            [0, 0, 1, 2, 3],
            [0, 1, 2, 3, 4],
          ],
          undefined,
          'int32',
        );
        const embeddings = model.embed(ids);
        for (const options of [{}, { mask: padding }, { mask: byQuery, positions }]) {
          const whole = model.forward({ embeddings, ...options }).hidden;
          for (const outputPositions of [1, 3, 5]) {
            const { hidden } = model.forward({ embeddings, ...options, outputPositions });
            expect(hidden.shape).toEqual([2, outputPositions, 16]);
            expect(
              largestDifference(
                hidden.dataSync(),
                tf.slice(whole, [0, 5 - outputPositions, 0], [2, outputPositions, 16]).dataSync(),
              ),
            ).toBeLessThan(1e-5);
          }
          const every = model.forward({ embeddings, ...options, outputPositions: 2, outputHiddenStates: true });
          expect([every.hidden.shape[1], every.hiddenStates!.at(-1)!.shape[1]]).toEqual([2, 5]);
        }
        // What is not given is in the cache all the same.
        const session = new DecodingSession({ model, batch: 2, capacity: 8 });
        session.feed({ embeddings: tf.slice(embeddings, [0, 0, 0], [2, 4, 16]), outputPositions: 1 });
        const next = session.feed({ embeddings: tf.slice(embeddings, [0, 4, 0], [2, 1, 16]) }).hidden;
        session.dispose();
        expect(
          largestDifference(next.dataSync(), lastPosition(model.forward({ embeddings }).hidden).dataSync()),
        ).toBeLessThan(1e-5);
        for (const outputPositions of [0, 1.5, 6])
          expect(() => model.forward({ embeddings, outputPositions })).toThrow(/outputPositions/);
      });
    });

    it('lets a row wait while others think', () => {
      tf.tidy(() => {
        const ids = [
          [3, 4, 5],
          [6, 7, 8],
        ];
        const session = new DecodingSession({ model, batch: 2, capacity: 8 });
        const { hidden } = session.feed({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
        session.feed({ embeddings: lastPosition(hidden), mask: [[1], [0]] });
        expect(session.positions).toEqual([4, 3]);
        const after = session
          .logits(session.feed({ embeddings: model.embed(tf.tensor2d([[9], [9]], undefined, 'int32')) }).hidden)
          .dataSync();
        session.dispose();
        const alone = model
          .logits(
            lastPosition(
              model.forward({ embeddings: model.embed(tf.tensor2d([[6, 7, 8, 9]], undefined, 'int32')) }).hidden,
            ),
          )
          .dataSync();
        expect(largestDifference(after.slice(40), alone)).toBeLessThan(1e-4);
      });
    });

    it('passes gradients through a growing cache', () => {
      const prompt = tf.tensor2d([[3, 4, 5, 6]], undefined, 'int32');
      const weight = model.parameters.entries()[3]?.[1] as tf.Variable;
      const loss = (pieces: number[][]) => () => {
        const cache = model.newGrowingCache();
        const outputs = pieces.map(
          ([start, end]) =>
            model.forward({
              embeddings: model.embed(prompt.slice([0, start as number], [1, (end as number) - (start as number)])),
              cache,
            }).hidden,
        );
        return tf.sum(tf.square(model.logits(tf.concat(outputs, 1)))) as tf.Scalar;
      };
      const whole = tf.variableGrads(loss([[0, 4]]), [weight]);
      const parts = tf.variableGrads(
        loss([
          [0, 2],
          [2, 3],
          [3, 4],
        ]),
        [weight],
      );
      const [first, second] = [whole, parts].map(
        ({ grads }) => Object.values(grads)[0]?.dataSync() as Float32Array,
      ) as [Float32Array, Float32Array];
      const scale = first.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      expect(largestDifference(first, second) / scale).toBeLessThan(1e-4);
      tf.dispose([prompt, whole.value, parts.value, ...Object.values(whole.grads), ...Object.values(parts.grads)]);
    });
  });
});

describe('penaliseRepetition', () => {
  it('changes each token that is there already once, towards less likely', () => {
    const logits = Float32Array.of(3, -2, 1, 4);
    penaliseRepetition({ logits, ids: [0, 1, 0, 99], penalty: 2 });
    expect([...logits]).toEqual([1.5, -4, 1, 4]);
  });
});

describe('sampleToken', () => {
  const logits = Float32Array.from([1, 3, 2, 0, -1].map((value) => value));
  const draws = (options: object) => {
    const random = new RandomStream({ seed: 1 });
    const counts = new Array<number>(5).fill(0);
    for (let draw = 0; draw < 20_000; draw++) {
      const id = sampleToken({ logits, random, ...options });
      counts[id] = (counts[id] as number) + 1;
    }
    return counts.map((count) => count / 20_000);
  };
  const softmax = (temperature: number, kept: number[]) => {
    const weights = [...logits].map((value, id) => (kept.includes(id) ? Math.exp(value / temperature) : 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  };

  it('draws by the tempered probabilities, from the likeliest k, and from the nucleus', () => {
    for (const [options, expected] of [
      [{ temperature: 1 }, softmax(1, [0, 1, 2, 3, 4])],
      [{ temperature: 2 }, softmax(2, [0, 1, 2, 3, 4])],
      [{ temperature: 1, topK: 2 }, softmax(1, [1, 2])],
      // 0.64 + 0.24 reach 0.8: the third is left out.
      [{ temperature: 1, topP: 0.8 }, softmax(1, [1, 2])],
      [{ temperature: 1, topP: 0.1 }, softmax(1, [1])],
      [{ temperature: 0 }, softmax(1, [1])],
    ] as const) {
      for (const [id, share] of draws(options).entries())
        expect(Math.abs(share - (expected[id] as number))).toBeLessThan(0.015);
    }
  });

  it('reaches what is unlikely: a flat row, and one whose tail holds as much as its head', () => {
    const flat = new Float32Array(5000);
    const tail = Float32Array.from({ length: 50_000 }, (_, id) => (id === 7 ? Math.log(50_000) : 0));
    const steep = Float32Array.from({ length: 3000 }, (_, id) => -id);
    const drawn = (logits: Float32Array, options: object) => {
      const random = new RandomStream({ seed: 3 });
      return Array.from({ length: 40 }, () => sampleToken({ logits, temperature: 1, random, ...options }));
    };
    expect(new Set(drawn(flat, {})).size).toBeGreaterThan(35);
    expect(drawn(flat, { topK: 2 }).every((id) => id < 2)).toBe(true);
    const head = drawn(tail, {}).filter((id) => id === 7).length;
    expect(head).toBeGreaterThan(8);
    expect(head).toBeLessThan(32);
    expect(drawn(tail, { minP: 0.5 }).every((id) => id === 7)).toBe(true);
    // More tokens are asked for than lie within the first look.
    expect(drawn(steep, { topK: 2000 }).every((id) => id < 40)).toBe(true);
    expect(new Set(drawn(steep, { temperature: 400, topK: 2000 })).size).toBeGreaterThan(30);
  });

  it('says so where the logits are not numbers', () => {
    expect(() =>
      sampleToken({ logits: Float32Array.of(1, NaN, 2), temperature: 1, random: new RandomStream({ seed: 1 }) }),
    ).toThrow(expect.objectContaining({ code: 'not-a-number' }));
  });

  it('draws what sorting all ids would draw, ties by id', () => {
    const logitStream = new RandomStream({ seed: 5 });
    for (let round = 0; round < 60; round++) {
      // Few distinct values: many ties.
      const logits = Float32Array.from({ length: 40 }, () => Math.round(logitStream.normal() * 2) / 2);
      const settings = [
        {},
        { topK: 7 },
        { topP: 0.6 },
        { topK: 12, topP: 0.8 },
        { minP: 0.2 },
        { topP: 0.9, minP: 0.1 },
      ][round % 6]!;
      const { topK = Infinity, topP = 1, minP = 0 } = settings as { topK?: number; topP?: number; minP?: number };
      const order = [...logits.keys()]
        .sort((first, second) => logits[second]! - logits[first]! || first - second)
        .slice(0, Math.min(topK, 40));
      const weights = order.map((id) => Math.exp((logits[id]! - logits[order[0]!]!) / 1.3));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      let kept = 0;
      let mass = 0;
      while (kept < weights.length && (kept === 0 || (mass < topP * total && weights[kept]! >= minP)))
        mass += weights[kept++]!;
      let draw = new RandomStream({ seed: round }).uniform() * mass;
      const rank = weights.slice(0, kept).findIndex((weight) => (draw -= weight) < 0);
      expect(sampleToken({ logits, temperature: 1.3, random: new RandomStream({ seed: round }), ...settings })).toBe(
        order[rank < 0 ? kept - 1 : rank],
      );
    }
  });
});
