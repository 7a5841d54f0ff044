import { Parameters, tf, useEngine } from '@subtext/tensor';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { initialiseWeights } from '../weights/initialise-weights';
import { ModelStructure } from '../weights/parameter-scope';
import { HeadNorm } from './normalisation';
import { SeparateProjections } from './attention-projections';
import { GrowingCache, PreallocatedCache } from './key-value-cache';
import { LinearLayer } from './linear-layer';
import { LowRankAdapter } from './low-rank-adapter';
import { rotaryFrequencies, RotaryEmbedding, type RotaryScaling } from './rotary-embedding';
import { SelfAttention } from './self-attention';

beforeAll(async () => {
  await useEngine({ engine: 'cpu' });
});

let structure: ModelStructure;
let before: number;
beforeEach(() => {
  before = tf.memory().numTensors;
  structure = new ModelStructure({ parameters: new Parameters() });
});
afterEach(() => {
  structure.parameters.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

const close = (actual: tf.Tensor, expected: tf.Tensor, tolerance = 1e-5) =>
  expect(tf.tidy(() => tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0])).toBeLessThan(tolerance);

describe('LinearLayer', () => {
  it.each(['out-in', 'in-out'] as const)(
    'multiplies, and adds what its adapter adds, before the activation (%s)',
    (layout) => {
      const layer = new LinearLayer({
        scope: structure.scope('part'),
        inputWidth: 3,
        outputWidth: 5,
        layout,
        initialisation: { kind: 'normal', deviation: 1 },
      });
      expect([...structure.declarations.keys()]).toEqual(['part.weight', 'part.bias']);
      expect([layer.inputWidth, layer.outputWidth]).toEqual([3, 5]);
      initialiseWeights({ structure, seed: 1 });
      tf.tidy(() => {
        const input = tf.randomNormal([2, 4, 3], 0, 1, 'float32', 1) as tf.Tensor3D;
        const down = tf.variable(tf.randomNormal([2, 3], 0, 1, 'float32', 2));
        const up = tf.variable(tf.randomNormal([5, 2], 0, 1, 'float32', 3));
        const weight = layout === 'out-in' ? tf.transpose(layer.weight.value) : layer.weight.value;
        const rows = input.reshape([8, 3]);
        const plain = tf.matMul(rows, weight as tf.Tensor2D).reshape([2, 4, 5]);
        close(layer.apply({ input }), plain);
        layer.adapter = new LowRankAdapter({ down, up, scaling: 0.5 });
        const added = tf
          .matMul(tf.matMul(rows, down as tf.Tensor2D, false, true), up as tf.Tensor2D, false, true)
          .reshape([2, 4, 5])
          .mul(0.5);
        close(layer.apply({ input, activation: 'relu' }), tf.relu(plain.add(added)));
        const change = layer.adapter.weightChange({ layout });
        close(
          tf.matMul(rows, (layout === 'out-in' ? change.transpose() : change) as tf.Tensor2D).reshape([2, 4, 5]),
          added,
        );
        layer.adapter.merged = true;
        close(layer.apply({ input }), plain);
        down.dispose();
        up.dispose();
      });
    },
  );
});

describe('ModelStructure', () => {
  it('names what is declared twice, and replaces a parameter by one of another shape', () => {
    const layer = new LinearLayer({
      scope: structure.scope('part').child(0).child('up'),
      inputWidth: 2,
      outputWidth: 3,
      bias: false,
    });
    expect(layer.name).toBe('part.0.up');
    expect(() => new LinearLayer({ scope: structure.scope('part.0.up'), inputWidth: 2, outputWidth: 3 })).toThrow(
      /part\.0\.up\.weight is declared twice/,
    );
    expect(() => layer.weight.value).toThrow(/part\.0\.up\.weight/);
    initialiseWeights({ structure, seed: 1 });
    structure.parameters.freeze();
    structure.replace({ name: 'part.0.up.weight', value: tf.ones([4, 2]) });
    expect([layer.outputWidth, layer.weight.value.trainable]).toEqual([4, false]);
  });
});

describe('rotary positions', () => {
  it('stretches frequencies by each rule', () => {
    const frequencies = (scaling: RotaryScaling, positions = 0) => [
      ...rotaryFrequencies({ headWidth: 8, theta: 10_000, scaling, positions }).frequencies,
    ];
    const base = [1, 0.1, 0.01, 0.001];
    const near = (actual: number[], expected: number[]) =>
      expected.forEach((value, index) => expect(actual[index]).toBeCloseTo(value, 6));
    near(frequencies({ type: 'default' }), base);
    near(
      frequencies({ type: 'linear', factor: 4 }),
      base.map((value) => value / 4),
    );
    near(frequencies({ type: 'dynamic', factor: 2, originalPositions: 16 }, 16), base);
    const theta = 10_000 * ((2 * 32) / 16 - 1) ** (8 / 6);
    near(
      frequencies({ type: 'dynamic', factor: 2, originalPositions: 16 }, 32),
      [0, 1, 2, 3].map((index) => theta ** (-index / 4)),
    );
    // Wavelengths 6.3, 63, 628, 6283 against 1000/4 and 1000/1: kept, kept, blended, divided.
    const smooth = (1000 / (2 * Math.PI * 100) - 1) / 3;
    near(
      frequencies({
        type: 'llama3',
        factor: 8,
        lowFrequencyFactor: 1,
        highFrequencyFactor: 4,
        originalPositions: 1000,
      }),
      [1, 0.1, ((1 - smooth) * 0.01) / 8 + smooth * 0.01, 0.001 / 8],
    );
    const yarn = rotaryFrequencies({
      headWidth: 8,
      theta: 10_000,
      scaling: { type: 'yarn', factor: 4, originalPositions: 1000 },
      positions: 0,
    });
    expect(yarn.attentionFactor).toBeCloseTo(0.1 * Math.log(4) + 1, 6);
    near([yarn.frequencies[0] as number, yarn.frequencies[3] as number], [1, 0.001 / 4]);
  });

  it('gives the same angles by offset and by positions, and grows its tables', () => {
    const rotary = new RotaryEmbedding({ headWidth: 4, theta: 100 });
    tf.tidy(() => {
      const near = rotary.angles({ offset: 2, time: 3 });
      const far = rotary.angles({
        positions: tf.tensor2d(
          [
            [2, 3, 4],
            [700, 0, 1],
          ],
          undefined,
          'int32',
        ),
        largest: 700,
      });
      expect(far.cos.shape).toEqual([2, 3, 2]);
      close(near.cos, far.cos.slice([0, 0, 0], [1, 3, 2]));
      close(far.sin.slice([1, 0, 0], [1, 1, 2]), tf.tensor3d([[[Math.sin(700), Math.sin(70)]]]), 1e-4);
    });
    rotary.dispose();
    expect(() => new RotaryEmbedding({ headWidth: 5, theta: 100 })).toThrow(/even number of dimensions/);
  });
});

describe('SelfAttention', () => {
  const build = ({ norms = false } = {}) => {
    const scope = structure.scope('attention');
    const linear = (name: string, inputWidth: number, outputWidth: number) =>
      new LinearLayer({
        scope: scope.child(name),
        inputWidth,
        outputWidth,
        initialisation: { kind: 'normal', deviation: 0.5 },
      });
    const attention = new SelfAttention({
      projection: new SeparateProjections({
        query: linear('q', 6, 8),
        key: linear('k', 6, 4),
        value: linear('v', 6, 4),
        ...(norms
          ? {
              queryNorm: new HeadNorm({ scope: scope.child('q_norm'), width: 2, epsilon: 1e-5 }),
              keyNorm: new HeadNorm({ scope: scope.child('k_norm'), width: 2, epsilon: 1e-5 }),
            }
          : {}),
      }),
      output: linear('o', 8, 6),
      heads: 4,
      keyValueHeads: 2,
    });
    initialiseWeights({ structure, seed: 3 });
    return attention;
  };
  const draw = (time: number, seed: number) => tf.randomNormal([2, time, 6], 0, 1, 'float32', seed) as tf.Tensor3D;

  it.each(['preallocated', 'growing'])('computes step by step over a %s cache what it computes at once', (kind) => {
    const attention = build();
    tf.tidy(() => {
      const input = draw(5, 1);
      const whole = attention.apply({ input, causal: true });
      const cache =
        kind === 'growing'
          ? new GrowingCache({ layers: 1 })
          : new PreallocatedCache({ layers: 1, batch: 2, capacity: 7, width: 4 });
      const parts = [
        [0, 2],
        [2, 1],
        [3, 2],
      ].map(([start, time]) => {
        const part = attention.apply({
          input: input.slice([0, start as number, 0], [2, time as number, 6]),
          causal: true,
          cache: cache.layer(0),
        });
        cache.advance(time as number);
        return part;
      });
      expect(cache.length).toBe(5);
      close(tf.concat(parts, 1), whole);
      cache.selectRows([1]);
      const further = draw(1, 2).slice([1, 0, 0], [1, 1, 6]);
      const alone = attention
        .apply({ input: tf.concat([input.slice([1, 0, 0], [1, 5, 6]), further], 1), causal: true })
        .slice([0, 5, 0], [1, 1, 6]);
      close(attention.apply({ input: further, causal: true, cache: cache.layer(0) }), alone);
      cache.dispose();
    });
  });

  it('computes step by step what it computes at once with a soft cap, a window and rotary positions in a part of each head', () => {
    const plain = build();
    const rotary = new RotaryEmbedding({ headWidth: 2, theta: 100 });
    const options = { projection: plain.projection, output: plain.output, heads: 2, keyValueHeads: 1 };
    const attention = new SelfAttention({ ...options, scale: 2, softCap: 1.5, window: 3, rotaryDimensions: 2 });
    const run = (layer: SelfAttention, input: tf.Tensor3D, offset: number, cache?: PreallocatedCache) =>
      layer.apply({
        input,
        causal: true,
        rotary: rotary.angles({ offset, time: input.shape[1] }),
        cache: cache?.layer(0) ?? null,
      });
    tf.tidy(() => {
      const input = draw(7, 1);
      const whole = run(attention, input, 0);
      const cache = new PreallocatedCache({ layers: 1, batch: 2, capacity: 7, width: 4 });
      const parts = [3, 1, 1, 2].map((time) => {
        const part = run(attention, input.slice([0, cache.length, 0], [2, time, 6]), cache.length, cache);
        cache.advance(time);
        return part;
      });
      close(tf.concat(parts, 1), whole);
      cache.dispose();
      const far = (left: tf.Tensor, right: tf.Tensor) => tf.max(tf.abs(tf.sub(left, right))).dataSync()[0]!;
      for (const changes of [{ softCap: null }, { window: null }, { rotaryLayout: 'interleaved' as const }]) {
        const other = new SelfAttention({ ...attention, ...changes });
        // Pairs of two numbers turn alike in both layouts; all else is seen in the output.
        if ('rotaryLayout' in changes) close(run(other, input, 0), whole);
        else expect(far(run(other, input, 0), whole)).toBeGreaterThan(1e-3);
      }
      // What lies before the window is not seen: the last position, with the first four changed.
      const changed = tf.concat([draw(4, 9), input.slice([0, 4, 0], [2, 3, 6])], 1) as tf.Tensor3D;
      close(run(attention, changed, 0).slice([0, 6, 0], [2, 1, 6]), whole.slice([0, 6, 0], [2, 1, 6]));
    });
    rotary.dispose();
  });

  it('takes keys and values from elsewhere, with norms on queries and keys', () => {
    const attention = build({ norms: true });
    tf.tidy(() => {
      const [input, elsewhere] = [draw(3, 1), draw(4, 2)];
      const output = attention.apply({ input, keyValueInput: elsewhere });
      expect(output.shape).toEqual([2, 3, 6]);
      // What it looks at is all that matters of it: the order of the keys does not.
      close(attention.apply({ input, keyValueInput: tf.reverse(elsewhere, 1) }), output);
      const projection = attention.projection as SeparateProjections;
      const key = projection.projectKeyValue({ input: elsewhere }).key.reshape([2, 4, 2, 2]);
      close(tf.mean(tf.square(key), -1), tf.ones([2, 4, 2]), 1e-2);
    });
  });
});
