import { RandomStream } from '@subtext/data';
import {
  trainLinearProbe,
  logitLens,
  minimize,
  mostActivating,
  trainSparseAutoencoder,
  meanPairwiseCosine,
  thoughtGeometry,
} from '@subtext/decoder';
import { rmsNorm, tf, useEngine } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

import { probeSections } from './probe-sections';
import { renderReport } from '../report/render-report';

beforeAll(async () => void (await useEngine({ engine: 'wasm' })));

const gaussian = (random: RandomStream) =>
  Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());

describe('logitLens', () => {
  it('reads the planted tokens layer by layer', async () => {
    // Token t's direction is unit t. Layer 0 points at token 2, layer 1 at token 5; the norm's scale is 2.
    const scale = tf.fill([8], 2) as tf.Tensor1D;
    const state = (token: number, size: number) =>
      Float32Array.from({ length: 8 }, (_, unit) => (unit === token ? size : 0.1));
    const before = tf.memory().numTensors;
    const layers = [
      tf.tensor2d([...state(2, 3), ...state(1, 3)], [2, 8]),
      tf.tensor2d([...state(5, 6), ...state(5, 6)], [2, 8]),
    ];
    const readings = await logitLens({
      hiddenStates: layers,
      normalize: (states) => rmsNorm({ input: states, scale, epsilon: 1e-6 }) as tf.Tensor2D,
      head: (states) => tf.matMul(states, tf.eye(8)),
      top: 3,
      targets: [5, -1],
    });
    expect(readings.map((layer) => layer.map(({ tokens }) => tokens[0]?.id))).toEqual([
      [2, 1],
      [5, 5],
    ]);
    expect(readings[0]?.[0]?.target?.rank).toBeGreaterThan(0);
    expect(readings[1]?.[0]?.target).toMatchObject({ id: 5, rank: 0 });
    expect(readings[1]?.[1]?.target).toBeNull();
    // The last layer is normalised already: its logits are its values.
    const total = Math.exp(6) + 7 * Math.exp(0.1);
    expect(readings[1]?.[0]?.tokens[0]?.probability).toBeCloseTo(Math.exp(6) / total, 5);
    const share = (value: number) => -(value / total) * Math.log(value / total);
    expect(readings[1]?.[0]?.entropy).toBeCloseTo(share(Math.exp(6)) + 7 * share(Math.exp(0.1)), 5);
    expect(readings[0]?.[0]?.tokens).toHaveLength(3);
    tf.dispose(layers);
    expect(tf.memory().numTensors).toBe(before);
    scale.dispose();
  });
});

describe('minimize', () => {
  it('finds the lowest point of a skewed bowl', () => {
    const { point, value } = minimize({
      start: Float64Array.from([5, -3, 2]),
      iterations: 100,
      tolerance: 1e-9,
      objective: (at, gradient) => {
        const weights = [1, 100, 0.1];
        let sum = 0;
        for (const [index, weight] of weights.entries()) {
          const rest = (at[index] as number) - index;
          sum += 0.5 * weight * rest * rest;
          gradient[index] = weight * rest;
        }
        return sum;
      },
    });
    expect(value).toBeLessThan(1e-12);
    for (const [index, part] of point.entries()) expect(part).toBeCloseTo(index, 5);
  });
});

describe('trainLinearProbe', () => {
  const planted = (signal: number) => {
    const random = new RandomStream({ seed: 4, name: 'planted' });
    const labels = Array.from({ length: 400 }, () => random.integer(4));
    const states = labels.map((label) =>
      Float32Array.from({ length: 24 }, (_, unit) => 5 + gaussian(random) + (unit === label * 3 ? signal : 0)),
    );
    return { states, labels };
  };

  it('finds a planted label and none in the control', () => {
    const result = trainLinearProbe(planted(4));
    expect(result.accuracy.value).toBeGreaterThan(0.9);
    expect(result.accuracy.interval[0]).toBeGreaterThan(result.shuffled.highest);
    expect(result.shuffled.mean).toBeLessThan(0.4);
    expect(result).toMatchObject({ control: null, selectivity: null, parameters: 4 * 25 });
    expect(result.trainingCount + result.heldOutCount).toBe(400);
    expect(result.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(result.heldOutCount);
    expect(result.predict(Float32Array.from({ length: 24 }, (_, unit) => (unit === 6 ? 9 : 5)))).toBe('2');
  });

  it('finds nothing where nothing is, and is the same each time', () => {
    const run = () => trainLinearProbe(planted(0));
    const { predict: _, ...result } = run();
    const { predict: __, ...again } = run();
    expect(result).toEqual(again);
    expect(result.accuracy.value).toBeLessThan(0.4);
    expect(Math.abs(result.accuracy.value - result.shuffled.mean)).toBeLessThan(0.15);
  });

  it('is selective where the label is in the state, and not where the probe learns types by heart', () => {
    // Ten types, each a direction of its own; the label is either in a unit beside them, or goes by the type.
    const random = new RandomStream({ seed: 8, name: 'types' });
    const types = Array.from({ length: 500 }, () => random.integer(10));
    const beside = types.map(() => random.integer(2));
    const states = (labels: readonly number[]) =>
      types.map((type, index) =>
        Float32Array.from(
          { length: 12 },
          (_, unit) => 0.3 * gaussian(random) + (unit === type ? 4 : 0) + (unit === 11 ? 4 * labels[index]! : 0),
        ),
      );
    const read = trainLinearProbe({ states: states(beside), labels: beside, types, controls: 3 });
    expect(read.accuracy.value).toBeGreaterThan(0.95);
    expect(read.control?.seen).toBe(1);
    // Types stand in the state for all to see: the probe has the capacity to learn any labels of theirs.
    expect(read.control?.mean).toBeGreaterThan(0.95);
    expect(read.selectivity).toBeCloseTo(read.accuracy.value - read.control!.mean, 12);
    expect(read.shuffled.mean).toBeLessThan(0.65);
    // Without the type in the state there is nothing to learn by heart: selective.
    const many = types.map(() => random.integer(80));
    const bare = trainLinearProbe({
      states: beside.map((label) =>
        Float32Array.from({ length: 12 }, (_, unit) => 0.3 * gaussian(random) + (unit === 11 ? 4 * label : 0)),
      ),
      labels: beside,
      types: many,
      controls: 3,
    });
    expect(bare.selectivity).toBeGreaterThan(0.3);
    // Types that never come again make no control task.
    expect(
      trainLinearProbe({ states: states(beside), labels: beside, types: types.map((_, index) => index), controls: 2 }),
    ).toMatchObject({ control: null, selectivity: null });
    expect(() => trainLinearProbe({ states: states(beside), labels: beside, types: [1] })).toThrowError(
      /1 types; pass one of each per state/,
    );
  });

  it('holds whole groups out, so that an example’s own states do not give it away', () => {
    // Each group has a direction and a label of its own that mean nothing elsewhere.
    const random = new RandomStream({ seed: 6, name: 'groups' });
    const states: Float32Array[] = [];
    const labels: number[] = [];
    const groups: number[] = [];
    for (let group = 0; group < 60; group++) {
      const centre = Array.from({ length: 64 }, () => gaussian(random) * 3);
      const label = random.integer(2);
      for (let member = 0; member < 6; member++) {
        states.push(Float32Array.from(centre, (value) => value + 0.1 * gaussian(random)));
        labels.push(label);
        groups.push(group);
      }
    }
    expect(trainLinearProbe({ states, labels, controls: 1 }).accuracy.value).toBeGreaterThan(0.9);
    expect(trainLinearProbe({ states, labels, groups, controls: 1 }).accuracy.value).toBeLessThan(0.75);
  });

  it('refuses what cannot be probed', () => {
    expect(() => trainLinearProbe({ states: [[1], [2]], labels: ['a'] })).toThrowError(
      expect.objectContaining({ code: 'length-mismatch' }),
    );
    expect(() => trainLinearProbe({ states: [[1], [2]], labels: ['a', 'a'] })).toThrowError(/at least two/);
    expect(() => trainLinearProbe({ states: [[1], [2, 3]], labels: ['a', 'b'] })).toThrowError(/width/);
    expect(() => trainLinearProbe({ states: [[1], [2]], labels: ['a', 'b'], groups: [1, 1] })).toThrowError(
      /at least two/,
    );
  });
});

describe('thoughtGeometry', () => {
  it('sees a collapse, and the directions that are left', () => {
    const random = new RandomStream({ seed: 8, name: 'geometry' });
    const wide = () => Float32Array.from({ length: 16 }, () => gaussian(random));
    const spread = Array.from({ length: 300 }, () => [wide(), wide()]);
    const open = thoughtGeometry({ thoughts: spread });
    expect(open.places[0]?.cosineBetweenExamples).toBeCloseTo(0, 1);
    expect(open.places[0]?.dimensions).toBeGreaterThan(13);
    expect(Math.abs(open.cosineWithinExample as number)).toBeLessThan(0.1);
    const plane = thoughtGeometry({
      thoughts: Array.from({ length: 300 }, () => {
        const [a, b] = [gaussian(random), gaussian(random)];
        const state = Float32Array.from({ length: 16 }, (_, unit) =>
          unit === 0 ? 10 : unit === 1 ? a : unit === 2 ? b : 0,
        );
        return [state, state];
      }),
    });
    expect(plane.cosineWithinExample).toBeCloseTo(1, 6);
    expect(plane.places[0]?.cosineBetweenExamples).toBeGreaterThan(0.95);
    expect(plane.places[0]?.dimensions).toBeCloseTo(2, 1);
    expect(plane.places[0]?.norm.mean).toBeCloseTo(10.1, 1);
  });

  it('takes the mean over pairs', () => {
    const vectors = [
      [1, 0],
      [0, 2],
      [1, 1],
    ];
    expect(meanPairwiseCosine(vectors)).toBeCloseTo((0 + Math.SQRT1_2 + Math.SQRT1_2) / 3, 10);
    expect(() => thoughtGeometry({ thoughts: [[], []] })).toThrowError(expect.objectContaining({ code: 'empty-set' }));
  });
});

describe('trainSparseAutoencoder', () => {
  it('finds planted directions, rebuilds the states and leaves no tensor', async () => {
    const random = new RandomStream({ seed: 9, name: 'dictionary' });
    const width = 16;
    const planted = Array.from({ length: 24 }, () => {
      const direction = Array.from({ length: width }, () => gaussian(random));
      const norm = Math.hypot(...direction);
      return direction.map((value) => value / norm);
    });
    const used: number[][] = [];
    const states = Array.from({ length: 1500 }, () => {
      const picks = random.shuffle(planted.map((_, index) => index)).slice(0, 2);
      used.push(picks);
      const strengths = picks.map(() => random.uniform(2, 4));
      return Float32Array.from(
        { length: width },
        (_, unit) =>
          1 +
          picks.reduce(
            (sum, pick, place) => sum + (strengths[place] as number) * ((planted[pick] as number[])[unit] as number),
            0,
          ),
      );
    });
    const before = tf.memory().numTensors;
    const autoencoder = await trainSparseAutoencoder({ states, latents: 32, active: 2, steps: 400, seed: 1 });
    expect(tf.memory().numTensors).toBe(before);
    expect(autoencoder.explainedVariance).toBeGreaterThan(0.85);
    await expect(trainSparseAutoencoder({ states, groups: states.map(() => 0), steps: 1 })).rejects.toThrowError(
      /of the same group/,
    );
    await expect(trainSparseAutoencoder({ states, groups: [1], steps: 1 })).rejects.toMatchObject({
      code: 'length-mismatch',
    });
    const best = planted.map((direction) => {
      let highest = { latent: -1, cosine: -1 };
      for (let latent = 0; latent < autoencoder.latents; latent++) {
        const cosine = direction.reduce(
          (sum, value, unit) => sum + value * (autoencoder.decoder[latent * width + unit] as number),
          0,
        );
        if (cosine > highest.cosine) highest = { latent, cosine };
      }
      return highest;
    });
    expect(best.filter(({ cosine }) => cosine > 0.9).length).toBeGreaterThanOrEqual(22);
    // A found direction's most activating examples hold it.
    const found = best.findIndex(({ cosine }) => cosine > 0.95);
    const examples = mostActivating({
      autoencoder,
      states,
      latent: (best[found] as { latent: number }).latent,
      count: 10,
    });
    expect(examples.filter(({ index }) => used[index]?.includes(found)).length).toBeGreaterThanOrEqual(9);
    expect(autoencoder.encode(states[0] as Float32Array).length).toBeLessThanOrEqual(2);
    const html = renderReport({
      title: 'Probes',
      summary: 's',
      sections: probeSections({
        lens: {
          readings: [[{ tokens: [{ id: 3, probability: 0.5 }], entropy: 1, target: null }]],
          names: ['caption'],
          tokenText: (id) => ` <${id}>`,
        },
        probes: [
          {
            name: 'parity',
            result: trainLinearProbe({
              states: states.slice(0, 60),
              labels: states.slice(0, 60).map((_, index) => index % 2),
              controls: 2,
            }),
          },
        ],
        geometry: thoughtGeometry({ thoughts: states.map((state) => [state]) }),
        autoencoder: { trained: autoencoder, states, names: states.map((_, index) => `state ${index}`) },
      }),
    });
    expect(html).toContain('␣&lt;3&gt;');
    expect(html).toContain('explain');
    expect(html).not.toMatch(/undefined|NaN|\[object/);
    expect(autoencoder.losses.at(-1)).toBeLessThan((autoencoder.losses[0] as number) / 3);
  });

  it('holds examples out whole: what only an example’s own thoughts share is not explained', async () => {
    // Each example's three thoughts lie on a direction of their own.
    const random = new RandomStream({ seed: 2, name: 'examples' });
    const groups = Array.from({ length: 90 }, (_, index) => Math.floor(index / 3));
    const centres = groups.map(() => Array.from({ length: 48 }, () => 3 * gaussian(random)));
    const states = groups.map((group) => Float32Array.from(centres[group]!, (value) => value + 0.1 * gaussian(random)));
    const options = { states, active: 1, latents: 64, steps: 200, heldOut: 0.3 };
    const mixed = await trainSparseAutoencoder(options);
    const whole = await trainSparseAutoencoder({ ...options, groups });
    expect(mixed.explainedVariance).toBeGreaterThan(0.5);
    expect(whole.explainedVariance).toBeLessThan(0.2);
  });

  it('refuses too little and the impossible', async () => {
    await expect(trainSparseAutoencoder({ states: [[1]] })).rejects.toMatchObject({ code: 'empty-set' });
    await expect(
      trainSparseAutoencoder({ states: Array.from({ length: 12 }, () => [1, 2]), latents: 4, active: 5 }),
    ).rejects.toMatchObject({ code: 'invalid-option' });
  });
});
