import { AdamW, Parameters, RandomStream, tf, useEngine } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

import { learningRateAt } from './learning-rate';
import { createSharedState } from '../parallel/shared-state';
import { flatArithmetic } from './flat-arithmetic';
import { defaultAdamW, hostAdamW } from './host-adamw';

beforeAll(async () => {
  await useEngine({ engine: 'cpu' });
});

function hostState(values: Float32Array) {
  return {
    parameters: Float32Array.from(values),
    gradients: new Float32Array(values.length),
    firstMoments: new Float32Array(values.length),
    secondMoments: new Float32Array(values.length),
  };
}

const random = new RandomStream({ seed: 11 });
const draw = (length: number) => Float32Array.from({ length }, () => random.uniform() * 2 - 1);

describe('AdamW on the host', () => {
  it('takes the steps of the tensor package, with decay, clipping and a moving learning rate', () => {
    const start = draw(50);
    const state = hostState(start);
    const parameters = new Parameters();
    parameters.add({ name: 'weight', value: tf.tensor1d(start) });
    const optimizer = new AdamW({ parameters, learningRate: 0.1, weightDecay: 0.1, beta2: 0.95 });
    const settings = { ...defaultAdamW, beta2: 0.95, weightDecay: 0.1 };
    for (let step = 1; step <= 20; step++) {
      const gradient = draw(50);
      state.gradients.set(gradient);
      const learningRate = 0.1 / step;
      hostAdamW({
        ...state,
        from: 0,
        to: 50,
        learningRate,
        weightDecay: settings.weightDecay,
        settings,
        step,
        gradientScale: 0.7,
      });
      tf.tidy(() => optimizer.step({ gradients: { weight: tf.tensor1d(gradient) }, learningRate, gradientScale: 0.7 }));
      const expected = parameters.get('weight').dataSync();
      for (const [index, value] of state.parameters.entries())
        expect(Math.abs(value - expected[index]!)).toBeLessThan(2e-6);
    }
    parameters.dispose();
  });

  it('gives the same bits however the range is cut', () => {
    const start = draw(31);
    const [whole, cut] = [hostState(start), hostState(start)];
    for (let step = 1; step <= 5; step++) {
      const gradient = draw(31);
      for (const state of [whole, cut]) state.gradients.set(gradient);
      const options = { learningRate: 0.01, weightDecay: 0.01, settings: defaultAdamW, step, gradientScale: 1 };
      hostAdamW({ ...whole, ...options, from: 0, to: 31 });
      for (const [from, to] of [
        [17, 31],
        [0, 5],
        [5, 17],
      ] as const)
        hostAdamW({ ...cut, ...options, from, to });
    }
    expect(cut).toEqual(whole);
  });
});

describe('arithmetic over the shared arrays', () => {
  it('gives the same bits by kernels as in JavaScript', () => {
    const state = createSharedState({
      parameters: [
        { name: 'a', shape: [37] },
        { name: 'b', shape: [5, 5] },
      ],
      shards: 2,
    });
    expect(state.memory).toBeDefined();
    const length = state.parameters.length;
    const plain = hostState(draw(length));
    state.parameters.set(plain.parameters);
    for (let step = 1; step <= 4; step++) {
      const gradients = draw(2 * length);
      state.gradients.set(gradients);
      const withoutMemory = { ...plain, gradients };
      const options = {
        from: 3,
        to: length,
        learningRate: 0.01,
        weightDecay: 0.01,
        settings: { ...defaultAdamW, beta2: 0.95 },
        step,
        gradientScale: 0.3,
      };
      for (const arithmetic of [flatArithmetic(state), flatArithmetic(withoutMemory)]) {
        arithmetic.addGradients({ base: length, from: 3, to: length });
        arithmetic.adamW(options);
      }
      expect(state.gradients).toEqual(gradients);
      for (const name of ['parameters', 'firstMoments', 'secondMoments'] as const)
        expect(state[name]).toEqual(plain[name]);
    }
  });
});

describe('the learning rate', () => {
  it('rises in a line from the first step and falls with a cosine', () => {
    const schedule = { learningRate: 0.1, warmupSteps: 4 };
    const at = (step: number) => learningRateAt({ schedule, step, steps: 12 });
    expect([0, 1, 2, 3].map(at)).toEqual(
      [0.025, 0.05, 0.07500000000000001, 0.1].map((value) => expect.closeTo(value, 12)),
    );
    expect(at(4)).toBeCloseTo(0.1, 12);
    expect(at(8)).toBeCloseTo(0.05, 12);
    expect(at(12)).toBeCloseTo(0, 12);
    expect(at(40)).toBeCloseTo(0, 12);
  });

  it('ends at its final fraction, or stays', () => {
    expect(learningRateAt({ schedule: { learningRate: 1, finalFraction: 0.1 }, step: 10, steps: 10 })).toBeCloseTo(
      0.1,
      12,
    );
    expect(
      learningRateAt({ schedule: { learningRate: 1, shape: 'constant', warmupSteps: 2 }, step: 9, steps: 10 }),
    ).toBe(1);
    expect(learningRateAt({ schedule: { learningRate: 1, warmupSteps: 3 }, step: 3, steps: 3 })).toBe(1);
  });
});
