import { createModel, type LanguageModel } from '@subtext/model';
import { collateLayouts, IGNORED_LABEL, type Layout, type ReasonerBatch } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openProgram } from '../../test/open-program';
import { groupAdvantages } from '../reinforcement/advantages';
import { keepFirstOfBest } from '../reinforcement/first-of-best';
import { reasonerRunner } from '../program/runner';
import type { RolloutShard } from '../reinforcement/rollout-shards';
import type { Shard } from '../sources/source';
import { actions, type GrpoOptions, type GrpoPart, policyLoss } from './grpo';

const width = 8;
let model: LanguageModel;
beforeAll(async () => {
  // Finite differences want the engine whose rounding is that of single numbers.
  await useEngine({ engine: 'cpu' });
  model = createModel({
    config: {
      model_type: 'gpt2',
      vocab_size: 12,
      n_positions: 16,
      n_embd: width,
      n_layer: 1,
      n_head: 2,
      initializer_range: 0.3,
    },
    seed: 4,
  });
});
afterAll(() => model.dispose());

/** Two answers behind two thoughts each: of sampled tokens, or vectors. */
function shardOf({
  asVectors = false,
  halting = false,
  ...more
}: {
  asVectors?: boolean;
  /** Each decides to think twice. */ halting?: boolean;
} & Partial<GrpoPart>): Shard<ReasonerBatch> {
  const sequences = [
    [1, 2, 11, 11, 5, 6],
    [1, 3, 11, 11, 7, 5],
  ];
  const drawn = [
    [2, 5],
    [6, 6],
    [9, 4],
    [3, 8],
  ];
  const layouts = sequences.map((ids, row): Layout => ({
    ids,
    labels: ids.map((id, position) => (position < 4 ? IGNORED_LABEL : id)),
    promptLength: 4,
    thoughts: [2, 3].map((position) => ({ stage: `step_${position}`, index: 0, position, kind: 'continuous' })),
    inputs: [0, 1].map((index) =>
      asVectors
        ? {
            position: 2 + index,
            vector: Float32Array.from({ length: width }, (_, unit) => Math.sin(row + index + unit)),
          }
        : { position: 2 + index, ids: drawn[2 * row + index]!, weights: [0.5, 0.5] },
    ),
  }));
  const inputs = collateLayouts({ layouts, padId: 0, lossWeight: 0 });
  const rows = Int32Array.from([1, 2, inputs.time + 1, inputs.time + 2]);
  const values = Float32Array.from(
    layouts.flatMap((layout) => layout.inputs!.flatMap((one) => ('vector' in one ? [...one.vector] : []))),
  );
  const part: GrpoPart = {
    text: { rows: inputs.lossRows, ids: inputs.lossLabels, picks: 1, temperature: 1.5 },
    ...(asVectors
      ? { vectors: { rows, values, deviation: 2 } }
      : { thoughts: { rows, ids: Int32Array.from(drawn.flat()), picks: 2, temperature: 2 } }),
    ...(halting && {
      halts: { rows: Int32Array.from([...rows, 3]), taken: Float32Array.of(1, 1, 1, 1, -1), more: 11, stop: 10 },
    }),
    advantages: Float32Array.of(1, 1, -1, -1, 1, 1, -1, -1, ...(halting ? [1, 1, -1, -1, 1] : [])),
    weights: new Float32Array(halting ? 13 : 8).fill(1 / 8),
    measures: { reward: 0.25 },
    ...more,
  };
  return { inputs, parts: { grpo: part } };
}

const options: GrpoOptions = { clip: { low: 0.2, high: 0.2 }, klWeight: 0.3 };

describe('the loss of a policy', () => {
  const loss = (given: Partial<Parameters<typeof policyLoss>[0]>) =>
    tf.tidy(() => {
      const found = policyLoss({
        logProbabilities: tf.tensor1d([0]),
        advantages: Float32Array.of(1),
        weights: Float32Array.of(1),
        ...options,
        ...given,
      });
      return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value?.dataSync()[0] ?? NaN]));
    });

  it.each([
    // ratio, advantage, what counts of the product, whether it is clipped
    [1.1, 1, 1.1, 0],
    [1.5, 1, 1.2, 1],
    [0.5, 1, 0.5, 0],
    [0.5, -1, -0.8, 1],
    [1.5, -1, -1.5, 0],
  ])('is the smaller of both products: ratio %s, advantage %s', (ratio, advantage, counted, clipped) => {
    const found = loss({
      logProbabilities: tf.tensor1d([Math.log(ratio)]),
      old: Float32Array.of(0),
      advantages: Float32Array.of(advantage),
    });
    expect(found.loss).toBeCloseTo(-counted, 5);
    expect(found.clippedShare).toBe(clipped);
  });

  it('adds the distance to the reference, which is 0 at it', () => {
    const found = loss({ logProbabilities: tf.tensor1d([-1]), reference: Float32Array.of(-2) });
    expect(found.kl).toBeCloseTo(Math.exp(-1) + 1 - 1, 5);
    expect(found.loss).toBeCloseTo(-1 + 0.3 * Math.exp(-1), 5);
    expect(loss({ reference: Float32Array.of(0) }).kl).toBe(0);
  });

  it('learns nothing where it is clipped', () => {
    const gradient = tf.tidy(() =>
      tf
        .grad(
          (logProbabilities) =>
            policyLoss({
              logProbabilities: logProbabilities as tf.Tensor1D,
              advantages: Float32Array.of(1, 1, -1),
              weights: Float32Array.of(1, 1, 1),
              old: Float32Array.of(0, 0, 0),
              ...options,
            }).loss,
        )(tf.tensor1d([Math.log(1.5), 0, Math.log(0.5)]))
        .arraySync(),
    );
    expect(gradient).toEqual([0, -1, 0]);
  });
});

describe.each([
  ['sampled tokens', {}],
  ['vectors', { asVectors: true }],
  ['sampled tokens, with decisions to take them', { halting: true }],
] as const)('the gradient of thoughts that are %s', (_, kind) => {
  it('is that of the loss, by finite differences, in every parameter', async () => {
    const program = await openProgram({ model, objectives: [{ name: 'grpo', options }] });
    const decisions = 'halting' in kind ? [-0.7, -0.7, -0.7, -0.7, -0.7] : [];
    const known = Float32Array.of(-2.1, -2.4, -2.6, -2.2, -4.1, -4.6, -4.9, -4.4, ...decisions);
    const shard = shardOf({
      ...kind,
      reference: known.map((value) => value - 0.1),
      old: known.map((value) => value + 0.05),
    });
    // The old probabilities of vectors are of another size; clipped actions would hide their gradients.
    if ('asVectors' in kind) delete (shard.parts.grpo as GrpoPart).old;
    if ('asVectors' in kind) delete (shard.parts.grpo as GrpoPart).reference;
    // Without old probabilities the loss is constant in value: its gradient is that of the weighted log probabilities.
    const value = () =>
      tf.tidy(() => {
        const part = shard.parts.grpo as GrpoPart;
        const frozen = part.old ?? first;
        return program.loss({ ...shard, parts: { grpo: { ...part, old: frozen } } }).loss.dataSync()[0]!;
      });
    const first = tf.tidy(() =>
      actions({
        forward: reasonerRunner({ model }).forward({ inputs: shard.inputs, layers: false }),
        part: shard.parts.grpo as GrpoPart,
      }).logProbabilities.dataSync(),
    ) as Float32Array;
    const variables = program.parameters.map(({ variable }) => variable);
    const { grads } = tf.tidy(() => {
      const found = tf.variableGrads(() => program.loss(shard).loss, variables);
      return { grads: variables.map((variable) => found.grads[variable.name]?.dataSync().slice() as Float32Array) };
    });
    const step = 1e-2;
    let compared = 0;
    for (const [index, variable] of variables.entries()) {
      const values = variable.dataSync().slice() as Float32Array;
      const largest = grads[index]!.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
      for (let place = 0; place < values.length; place += Math.ceil(values.length / 5)) {
        const moved = (by: number) => {
          tf.tidy(() =>
            variable.assign(
              tf.tensor(
                values.map((one, at) => (at === place ? one + by : one)),
                variable.shape,
              ),
            ),
          );
          return value();
        };
        const difference = (moved(step) - moved(-step)) / (2 * step);
        expect(Math.abs(difference - grads[index]![place]!)).toBeLessThan(0.03 * largest + 3e-4);
        compared++;
      }
      tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
    }
    expect(compared).toBeGreaterThan(30);
  });
});

it('tells the entropy of what was chosen from, what was clipped and what the source measured', async () => {
  const program = await openProgram({ model, objectives: [{ name: 'grpo', options }] });
  const metrics = tf.tidy(() => {
    const found = program.loss(shardOf({})).metrics;
    return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value.dataSync()[0]!]));
  });
  expect(Object.keys(metrics).sort()).toEqual(['clippedShare', 'entropy', 'reward']);
  expect(metrics.reward).toBe(0.25);
  expect(metrics.entropy).toBeGreaterThan(1);
  expect(metrics.entropy).toBeLessThan(Math.log(12));
});

describe('advantages', () => {
  it('are distances from the mean, by the deviation or not, of the answers that count', () => {
    const { advantages } = groupAdvantages({ rewards: [1, 0, null, 0, 1], scale: 'deviation' });
    expect(advantages.map((one) => one && Number(one.toFixed(4)))).toEqual([0.866, -0.866, null, -0.866, 0.866]);
    expect(groupAdvantages({ rewards: [3, 0, 0], scale: 'none' }).advantages).toEqual([2, -1, -1]);
  });

  it('are none where all got the same, or one is left', () => {
    for (const rewards of [[1, 1, 1], [1, null, null], [null], [0.1 + 0.2, 0.3]])
      expect(groupAdvantages({ rewards, scale: 'deviation' })).toEqual({
        advantages: rewards.map(() => null),
        withoutVariance: true,
      });
  });

  it('of the first action stay with the likeliest of the better answers alone', () => {
    const example = { id: 'one', question: '', steps: [], answer: '' };
    const shard = {
      rollouts: [1, 1, -1].map((advantage) => ({ example, advantage })),
      rolloutOf: Int32Array.of(0, 1, 2, 0, 1, 2),
      parts: {
        grpo: {
          text: { rows: new Int32Array(3) },
          old: Float32Array.of(-3, -1, -1, -1, -2, -1),
          advantages: Float32Array.of(1, 1, -1, 1, 1, -1),
        },
      },
    } as unknown as RolloutShard;
    keepFirstOfBest({ shards: [shard] });
    expect([...shard.parts.grpo.advantages]).toEqual([1, 1, -1, 0, 1, 0]);
  });
});
