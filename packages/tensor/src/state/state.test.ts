import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { valueAndGradientTensors } from './backward';
import { useEngine } from '../engines/use-engine';
import { normal, uniform } from '../random/initialisers';
import { RandomStream } from '@subtext/core';
import { tf } from '../tensorflow';
import { AdamW } from './adam-w';
import { clippingScale, globalNorm, globalNormAsync } from './global-norm';
import { KeyValueCache } from './key-value-cache';
import { Parameters } from './parameters';
import { valueAndGradients } from './value-and-gradients';
import { variableGradients } from './variable-gradients';

let before = 0;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});
beforeEach(() => {
  before = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors).toBe(before);
});

function parameters(...names: string[]): Parameters {
  const set = new Parameters();
  names.forEach((name, index) => set.add({ name, value: tf.tensor1d([index + 1, index + 2]) }));
  return set;
}

describe('Parameters', () => {
  it('keeps order, freezes by name, pattern and predicate, counts bytes', () => {
    const set = parameters('b.weight', 'a.weight', 'a.bias');
    expect(set.names()).toEqual(['b.weight', 'a.weight', 'a.bias']);
    expect(set.byteLength).toBe(24);
    expect(set.elementCount).toBe(6);
    expect(set.freeze(/^a\./)).toBe(2);
    expect(set.trainable().map(([name]) => name)).toEqual(['b.weight']);
    expect(set.unfreeze('a.bias')).toBe(1);
    expect(set.freeze((name) => name.endsWith('weight'))).toBe(2);
    expect(set.trainable().map(([name]) => name)).toEqual(['a.bias']);
    set.remove('a.bias');
    expect(set.has('a.bias')).toBe(false);
    set.dispose();
  });

  it('lets two models use the same names', () => {
    const first = parameters('weight');
    const second = parameters('weight');
    expect(first.get('weight').id).not.toBe(second.get('weight').id);
    first.dispose();
    second.dispose();
  });

  it('refuses a name twice and suggests names for an unknown one', () => {
    const set = parameters('layers.0.weight');
    expect(() => set.add({ name: 'layers.0.weight', value: tf.scalar(1) })).toThrowError(
      /'layers.0.weight' exists already/,
    );
    expect(() => set.get('layer.0.weight')).toThrowError(
      /no parameter 'layer.0.weight' among 1; similar: layers.0.weight/,
    );
    set.dispose();
    tf.disposeVariables();
    before = tf.memory().numTensors;
  });
});

describe('valueAndGradients', () => {
  it('names gradients, and leaves out what the loss does not depend on', () => {
    const set = parameters('used', 'frozen', 'idle');
    set.freeze('frozen');
    const { value, gradients } = valueAndGradients({
      parameters: set,
      compute: () => tf.sum(tf.mul(set.get('used'), set.get('frozen'))),
    });
    expect(Object.keys(gradients)).toEqual(['used']);
    expect([...gradients.used!.dataSync()]).toEqual([2, 3]);
    tf.dispose([value, gradients]);
    set.freeze();
    expect(() => valueAndGradients({ parameters: set, compute: () => tf.scalar(1) })).toThrowError(
      /no parameter is trainable/,
    );
    set.dispose();
  });
});

describe('the backward pass', () => {
  it('agrees with TensorFlow.js where a tensor is used twice, passed through and left out', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([0.5, -1, 2]);
      const y = tf.tensor1d([3, 1, -2]);
      const idle = tf.scalar(1);
      const compute = () => {
        const product = tf.mul(x, y);
        const same = tf.reshape(tf.clone(product), [3]);
        const [first, rest] = tf.split(tf.concat([same, tf.exp(x)]), [2, 4]) as [tf.Tensor, tf.Tensor];
        return tf.add(tf.sum(tf.square(first)), tf.sum(tf.mul(rest, tf.add(rest, 1)))) as tf.Scalar;
      };
      const { value, gradients } = valueAndGradientTensors(compute, [x, y, idle]);
      const expected = tf.engine().gradients(compute, [x, y, idle], undefined, true);
      expect(value.dataSync()).toEqual(expected.value.dataSync());
      expect(gradients[0]!.dataSync()).toEqual(expected.grads[0]!.dataSync());
      expect(gradients[1]!.dataSync()).toEqual(expected.grads[1]!.dataSync());
      expect(gradients[2]).toBeNull();
    });
  });

  it('leaves nothing behind when the computation or a gradient throws', () => {
    const x = tf.tensor1d([1, 2]);
    before = tf.memory().numTensors;
    expect(() =>
      valueAndGradientTensors(() => {
        tf.square(x);
        throw new Error('stop');
      }, [x]),
    ).toThrowError('stop');
    expect(tf.memory().numTensors).toBe(before);
    const broken = tf.customGrad((input) => ({
      value: tf.square(input as tf.Tensor),
      gradFunc: () => {
        throw new Error('no gradient');
      },
    }));
    expect(() => valueAndGradientTensors(() => tf.sum(tf.square(broken(x))) as tf.Scalar, [x])).toThrowError(
      'no gradient',
    );
    // What remains is the value, which the caller's own scope would free.
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 1);
    expect(tf.engine().isTapeOn()).toBe(false);
    x.dispose();
    tf.disposeVariables();
    before = tf.memory().numTensors;
  });

  it('works inside another gradient', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([1, 2]);
      const outer = tf.grad((input) => {
        const { gradients } = valueAndGradientTensors(() => tf.sum(tf.pow(input, 3)) as tf.Scalar, [input]);
        return tf.sum(gradients[0]!);
      })(x);
      expect([...outer.dataSync()].map(Math.round)).toEqual([6, 12]);
    });
  });

  it('keeps a clone in the memory of what it clones', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([1, 2]);
      const buffers = tf.memory().numDataBuffers;
      const clone = tf.clone(x);
      expect(tf.memory().numDataBuffers).toBe(buffers);
      x.dispose();
      expect([...clone.dataSync()]).toEqual([1, 2]);
      expect([...tf.cast(clone, 'int32').dataSync()]).toEqual([1, 2]);
    });
  });

  it('frees what it is through with: the peak is below that of TensorFlow.js', () => {
    const x = tf.ones([1000]);
    const compute = () =>
      tf.sum(Array.from({ length: 20 }).reduce<tf.Tensor>((input) => tf.sin(input), x)) as tf.Scalar;
    const peak = (run: () => tf.Tensor[]) => {
      let highest = 0;
      const engine = tf.engine() as unknown as { runKernel: (...all: unknown[]) => unknown };
      const runKernel = engine.runKernel;
      engine.runKernel = function (this: unknown, ...all: unknown[]) {
        const result = runKernel.apply(engine, all);
        // Buffers, since `numBytes` counts a clone as if it had memory of its own.
        highest = Math.max(highest, tf.memory().numDataBuffers);
        return result;
      };
      try {
        tf.dispose(run());
      } finally {
        engine.runKernel = runKernel;
      }
      return highest;
    };
    const ours = peak(() => {
      const { value, gradients } = valueAndGradientTensors(compute, [x]);
      return [value, gradients[0]!];
    });
    const theirs = peak(() => {
      const { value, grads } = tf.engine().gradients(compute, [x]);
      return [value, ...grads];
    });
    expect(ours).toBeLessThan(0.7 * theirs);
    x.dispose();
  });
});

describe('AdamW', () => {
  it('takes variables by name, a scale of the learning rate for each, and the number of the step', () => {
    const set = parameters('weight', 'slow');
    const optimizer = new AdamW({
      parameters: set.entries(),
      learningRate: 0.1,
      weightDecay: 0,
      epsilon: 0,
      learningRateScale: (name) => (name === 'slow' ? 0.5 : 1),
    });
    // Without decay, a moment m = (1−β₁)g is corrected by 1−β₁ᵗ and v by 1−β₂ᵗ: at step 3 the change is lr·(0.1/0.271)/√(0.001/0.002997).
    tf.tidy(() => optimizer.step({ gradients: { weight: tf.ones([2]), slow: tf.ones([2]) }, step: 3 }));
    const change = (0.1 * (0.1 / (1 - 0.9 ** 3))) / Math.sqrt(0.001 / (1 - 0.999 ** 3));
    expect(set.get('weight').dataSync()[0]).toBeCloseTo(1 - change, 5);
    expect(set.get('slow').dataSync()[0]).toBeCloseTo(2 - change / 2, 5);
    optimizer.dispose();
    set.dispose();
  });

  it('refuses bad options, strange gradients and shapes', () => {
    const set = parameters('weight');
    expect(() => new AdamW({ parameters: set, learningRate: -1 })).toThrowError(/learningRate is out of range: -1/);
    expect(() => new AdamW({ parameters: set, learningRate: 1, beta2: 1 })).toThrowError(/beta2/);
    const optimizer = new AdamW({ parameters: set, learningRate: 0.1 });
    tf.tidy(() => {
      expect(() => optimizer.step({ gradients: { other: tf.ones([2]) } })).toThrowError(
        /do not exist or do not train: other/,
      );
      expect(() => optimizer.step({ gradients: { weight: tf.ones([3]) } })).toThrowError(
        /gradient of 'weight' is \[3\], the parameter \[2\]/,
      );
    });
    optimizer.dispose();
    set.dispose();
  });

  it('resumes from its saved state as if never stopped', async () => {
    const gradient = tf.tensor1d([0.3, -0.7]);
    const run = async (interrupt: boolean) => {
      const set = parameters('weight');
      let optimizer = new AdamW({ parameters: set, learningRate: 0.1 });
      for (let step = 0; step < 4; step++) {
        if (interrupt && step === 2) {
          const state = await optimizer.exportState();
          expect(state.moments.weight!.step).toBe(2);
          optimizer.dispose();
          optimizer = new AdamW({ parameters: set, learningRate: 0.1 });
          optimizer.importState(structuredClone(state));
        }
        optimizer.step({ gradients: { weight: gradient } });
      }
      const values = [...(await set.get('weight').data())];
      optimizer.dispose();
      set.dispose();
      return values;
    };
    expect(await run(true)).toEqual(await run(false));
    gradient.dispose();
  });

  it('refuses a state that does not fit, changing nothing', () => {
    const set = parameters('weight');
    const optimizer = new AdamW({ parameters: set, learningRate: 0.1 });
    const moments = (length: number) => ({
      step: 1,
      first: new Float32Array(length),
      second: new Float32Array(length),
    });
    expect(() => optimizer.importState({ moments: { weight: moments(3) } })).toThrowError(
      /hold 3 and 3 numbers, the parameter 2/,
    );
    expect(() => optimizer.importState({ moments: { other: moments(2) } })).toThrowError(
      /names 'other', which is no parameter/,
    );
    optimizer.dispose();
    set.dispose();
  });
});

describe('globalNorm and clippingScale', () => {
  it('measure all gradients together', () => {
    const gradients = { first: tf.tensor1d([3]), second: tf.tensor2d([[0, 4]]) };
    expect(globalNorm(gradients)).toBe(5);
    expect(globalNorm([])).toBe(0);
    expect(clippingScale({ norm: 5, maximumNorm: 1 })).toBeCloseTo(0.2, 6);
    expect(clippingScale({ norm: 0.5, maximumNorm: 1 })).toBe(1);
    tf.dispose(gradients);
  });
});

describe('AdamW.step', () => {
  it.each([
    ['an unknown name', { typo: [2] }, {}, /unknown|do not exist or do not train: typo/],
    ['a name of Object.prototype', { constructor: [2] }, {}, /do not train: constructor/],
    ['a frozen parameter', { frozen: [2] }, {}, /do not train: frozen/],
    ['a shape that does not fit', { b: [3] }, {}, /the gradient of 'b' is \[3\], the parameter \[2\]/],
    ['a learning rate that is not a number', { b: [2] }, { learningRate: NaN }, /learningRate is out of range: NaN/],
    ['a scale that is not finite', { b: [2] }, { gradientScale: NaN }, /gradientScale must be a finite number/],
    ['a step of 0', { b: [2] }, { step: 0 }, /step must be a whole number from 1 on/],
  ])('moves nothing where one of its gradients has %s', (_, others, options, expected) => {
    const set = parameters('a', 'b', 'frozen');
    set.freeze('frozen');
    const optimizer = new AdamW({ parameters: set, learningRate: 0.1 });
    const gradients = {
      a: tf.ones([2]),
      ...Object.fromEntries(Object.entries(others).map(([name, shape]) => [name, tf.ones(shape as number[])])),
    };
    const tensors = tf.memory().numTensors;
    expect(() => optimizer.step({ gradients, ...options })).toThrowError(expected);
    expect([...set.get('a').dataSync()]).toEqual([1, 2]);
    expect(tf.memory().numTensors).toBe(tensors);
    tf.dispose(gradients);
    optimizer.dispose();
    set.dispose();
  });

  it('refuses gradients of integers, and one name in two sets', () => {
    const [first, second] = [parameters('a'), parameters('a')];
    const [whole, half] = [tf.ones([2], 'int32'), tf.ones([2])];
    const one = new AdamW({ parameters: first, learningRate: 0.1 });
    expect(() => one.step({ gradients: { a: whole } })).toThrowError(/the gradient of 'a' must be float32, got int32/);
    const both = new AdamW({ parameters: [first, second], learningRate: 0.1 });
    expect(() => both.step({ gradients: { a: half } })).toThrowError(/'a' occurs in two sets/);
    expect([...first.get('a').dataSync()]).toEqual([1, 2]);
    tf.dispose([whole, half]);
    first.dispose();
    second.dispose();
  });
});

describe('what is differentiated', () => {
  it('must be a scalar', () => {
    const set = parameters('a');
    const loss = () => tf.square(set.get('a')) as never;
    expect(() => valueAndGradients({ parameters: set, compute: loss })).toThrowError(
      /^valueAndGradients: compute must give a float32 scalar, the loss; got float32 \[2\]/,
    );
    expect(() => variableGradients({ variables: [set.get('a')], compute: loss })).toThrowError(
      /^variableGradients: compute must give/,
    );
    expect(() => valueAndGradients({ parameters: set, compute: () => undefined as never })).toThrowError(
      /got undefined/,
    );
    set.dispose();
  });
});

describe('globalNorm', () => {
  it('of nothing is 0, and of integers an error', async () => {
    expect([globalNorm({}), globalNorm([]), await globalNormAsync({})]).toEqual([0, 0, 0]);
    const whole = tf.ones([2], 'int32');
    expect(() => globalNorm({ a: whole })).toThrowError(/globalNorm: a must be float32, got int32/);
    whole.dispose();
  });
});

describe('KeyValueCache', () => {
  it('refuses what does not fit', () => {
    expect(() => new KeyValueCache({ layers: 0, batch: 1, capacity: 1, width: 1 })).toThrowError(
      /layers must be a positive integer, got 0/,
    );
    const cache = new KeyValueCache({ layers: 1, batch: 2, capacity: 3, width: 4 });
    tf.tidy(() => {
      const rows = tf.ones<tf.Rank.R3>([2, 2, 4]);
      expect(() => cache.append({ layer: 1, key: rows, value: rows })).toThrowError(/no layer 1 among 1/);
      expect(() => cache.append({ layer: 0, key: tf.ones([1, 2, 4]), value: rows })).toThrowError(
        /key must be \[2, time, 4\], got \[1, 2, 4\]/,
      );
      cache.append({ layer: 0, key: rows, value: rows });
      expect(cache.length).toBe(2);
      expect(() => cache.append({ layer: 0, key: rows, value: rows })).toThrowError(
        /4 positions exceed the capacity of 3/,
      );
    });
    expect(() => cache.selectRows([2])).toThrowError(/no row 2 in a batch of 2/);
    cache.dispose();
  });

  it('keeps the positions that are asked for, in each row its own, and goes on behind them', async () => {
    const cache = new KeyValueCache({ layers: 2, batch: 2, capacity: 8, width: 1 });
    const rows = (...values: number[]) => tf.tensor3d(values, [2, values.length / 2, 1]);
    const held = tf.tidy(() => {
      for (const layer of [0, 1])
        cache.append({ layer, key: rows(0, 1, 2, 3, 10, 11, 12, 13), value: rows(0, 0, 0, 0, 0, 0, 0, layer) });
      expect(() =>
        cache.keepPositions([
          [0, 4],
          [1, 2],
        ]),
      ).toThrowError(/as many columns below 4/);
      expect(() => cache.keepPositions([[0, 1], [1]])).toThrowError(/as many columns/);
      cache.keepPositions([
        [1, 3],
        [0, 2],
      ]);
      expect(cache.length).toBe(2);
      const { key, keyTime } = cache.append({ layer: 0, key: rows(5, 15), value: rows(0, 0) });
      expect(keyTime).toBe(3);
      return tf.slice(key, [0, 0, 0], [2, 3, 1]);
    });
    expect([...(await held.data())]).toEqual([1, 3, 5, 10, 12, 15]);
    held.dispose();
    cache.dispose();
  });
});

describe('random numbers', () => {
  it('are the same for the same seed', () => {
    const first = new RandomStream({ seed: 7 });
    const drawn = Array.from({ length: 5 }, () => first.normal());
    const second = new RandomStream({ seed: 7 });
    expect(Array.from({ length: 5 }, () => second.normal())).toEqual(drawn);
  });

  it('have the mean, deviation and range asked for', () => {
    const random = new RandomStream({ seed: 1 });
    const normals = normal({ shape: [100, 100], random, mean: 1, standardDeviation: 2 });
    const { mean, variance } = tf.tidy(() => {
      const moments = tf.moments(normals);
      return { mean: moments.mean.dataSync()[0]!, variance: moments.variance.dataSync()[0]! };
    });
    // Standard errors over 10⁴ draws: 0.02 for the mean, 0.057 for the variance.
    expect(Math.abs(mean - 1)).toBeLessThan(0.08);
    expect(Math.abs(variance - 4)).toBeLessThan(0.23);
    const uniforms = uniform({ shape: [1000], random, minimum: -1, maximum: 3 });
    const values = uniforms.dataSync();
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...values)).toBeLessThan(3);
    expect(Math.min(...values)).toBeLessThan(-0.95);
    tf.dispose([normals, uniforms]);
  });
});
