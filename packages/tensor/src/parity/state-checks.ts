import { tf } from '../tensorflow';
import { OperationError } from '../errors';
import { attention } from '../operations/attention';
import { crossEntropy } from '../operations/cross-entropy';
import { embedding } from '../operations/embedding';
import { gatherRows } from '../operations/gather-rows';
import { gatedActivation } from '../operations/gated-activation';
import { linear } from '../operations/linear';
import { rmsNorm } from '../operations/rms-norm';
import { AdamW } from '../state/adam-w';
import { valueAndGradientTensors } from '../state/backward';
import { globalNormAsync } from '../state/global-norm';
import { KeyValueCache } from '../state/key-value-cache';
import { Parameters } from '../state/parameters';
import { valueAndGradients } from '../state/value-and-gradients';
import { RandomStream } from '@subtext/core';
import { normal } from '../random/initialisers';
import { compare, type CaseResult } from './check-case';
import { InputMaker, toTensor } from './parity-case';
import { attentionReference } from './reference';

/** A check that involves more than one operation. */
export interface StateCheck {
  name: string;
  run: () => Promise<CaseResult>;
}

/** Checks of the gradient norm, the optimizer, the cache, and all of them together. */
export const stateChecks: readonly StateCheck[] = [
  define('globalNorm of three tensors', async (result) => {
    const make = new InputMaker(3);
    const inputs = [make.float([7]), make.float([5, 13]), make.float([2, 3, 4], { deviation: 10 })];
    const tensors = inputs.map(toTensor);
    const squares = inputs.flatMap(({ values }) => [...values]).reduce((sum, x) => sum + x * x, 0);
    compare(result, 'norm', [await globalNormAsync(tensors)], Float64Array.of(Math.sqrt(squares)), 1e-6);
    tf.dispose(tensors);
  }),
  define('AdamW, 5 steps with decay and scaled gradients', checkAdamW),
  define('KeyValueCache: pieces attend as the whole does', (result) => checkCache(result, {})),
  define('KeyValueCache: pieces attend as the whole does, with a soft cap and a window', (result) =>
    checkCache(result, { softCap: 1.2, window: 3 }),
  ),
  define('training: 40 steps fit six tokens, without leaking', checkTraining),
  define('ids and labels outside the vocabulary are refused, named with their place', checkOutsideIds),
];

function define(name: string, body: (result: CaseResult) => Promise<void>): StateCheck {
  return {
    name,
    run: async () => {
      const result: CaseResult = { name, faults: [], worst: 0 };
      const before = tf.memory().numTensors;
      try {
        await body(result);
      } catch (error) {
        result.faults.push(`threw ${error instanceof Error ? error.message : String(error)}`);
      }
      const left = tf.memory().numTensors - before;
      if (left !== 0) {
        result.faults.push(`left ${left} tensors behind`);
      }
      return result;
    },
  };
}

async function checkOutsideIds(result: CaseResult): Promise<void> {
  const make = new InputMaker(4);
  const table = toTensor(make.float([5, 3])) as tf.Tensor2D;
  const logits = toTensor(make.float([3, 5])) as tf.Tensor2D;
  const refused = (what: string, expected: RegExp, call: () => tf.Tensor) => {
    try {
      tf.tidy(() => {
        call();
      });
      result.faults.push(`${what} was computed`);
    } catch (error) {
      if (!OperationError.isInstance(error) || error.code !== 'invalid-option' || !expected.test(error.message))
        result.faults.push(`${what}: ${String(error)}`);
    }
  };
  for (const id of [5, -1, -100, 2 ** 31 - 1, -(2 ** 31)]) {
    const ids = () => tf.tensor1d([0, 4, id], 'int32');
    refused(`embedding of ${id}`, new RegExp(`^embedding: The id ${id} at place 2 lies outside 0 to 4`), () =>
      embedding({ table, ids: ids() }),
    );
    refused(`embedding of ${id} in a matrix`, new RegExp(`The id ${id} at place 3`), () =>
      embedding({
        table,
        ids: tf.tensor2d(
          [
            [0, 1],
            [2, id],
          ],
          undefined,
          'int32',
        ),
      }),
    );
    refused(`gatherRows of ${id}`, new RegExp(`^gatherRows: The id ${id} at place 2`), () =>
      gatherRows({ input: table, indices: ids() }),
    );
    if (id === -100) continue;
    const loss = (weights: tf.Tensor) =>
      crossEntropy({ logits: tf.mul(logits, weights) as tf.Tensor2D, labels: ids() });
    refused(`crossEntropy of ${id}`, new RegExp(`^crossEntropy: The label ${id} at place 2 lies outside 0 to 4`), () =>
      loss(tf.scalar(1)),
    );
    refused(`the gradient of crossEntropy of ${id}`, new RegExp(`The label ${id} at place 2`), () => {
      const weights = tf.scalar(1);
      return valueAndGradientTensors(() => tf.sum(loss(weights)) as tf.Scalar, [weights]).value;
    });
  }
  // Only the value of a label decides whether it is ignored; -100 is an ordinary label if another value is ignored.
  for (const ignoreIndex of [-100, -1, 9, 2]) {
    const losses = tf.tidy(() =>
      crossEntropy({ logits, labels: tf.tensor1d([ignoreIndex, 1, ignoreIndex], 'int32'), ignoreIndex }),
    );
    const values = await losses.data();
    if (values[0] !== 0 || values[2] !== 0 || !(values[1]! > 0))
      result.faults.push(`with ${ignoreIndex} ignored the losses are ${[...values].join(', ')}`);
    losses.dispose();
  }
  refused('-100 where -1 is ignored', /The label -100 at place 0/, () =>
    crossEntropy({ logits, labels: tf.tensor1d([-100, 1, -1], 'int32'), ignoreIndex: -1 }),
  );
  tf.dispose([table, logits]);
}

async function checkAdamW(result: CaseResult): Promise<void> {
  const make = new InputMaker(9);
  const start = make.float([3, 7]);
  const parameters = new Parameters();
  const options = { learningRate: 0.01, beta1: 0.8, beta2: 0.9, epsilon: 1e-8, weightDecay: 0.1 };
  parameters.add({ name: 'decayed', value: toTensor(start) });
  parameters.add({ name: 'plain', value: toTensor(start) });
  const optimizer = new AdamW({ parameters, ...options, decays: (name) => name === 'decayed' });
  const expected = { decayed: Float64Array.from(start.values), plain: Float64Array.from(start.values) };
  const first = new Float64Array(start.values.length);
  const second = new Float64Array(start.values.length);
  for (let step = 1; step <= 5; step++) {
    const gradient = make.float([3, 7]);
    const tensor = toTensor(gradient);
    optimizer.step({
      gradients: { decayed: tensor, plain: tensor },
      gradientScale: 0.5,
      learningRate: options.learningRate / step,
    });
    tensor.dispose();
    gradient.values.forEach((raw, index) => {
      const g = raw * 0.5;
      first[index] = options.beta1 * first[index]! + (1 - options.beta1) * g;
      second[index] = options.beta2 * second[index]! + (1 - options.beta2) * g * g;
      const rate = options.learningRate / step;
      const move =
        (rate * first[index]!) /
        (1 - options.beta1 ** step) /
        (Math.sqrt(second[index]! / (1 - options.beta2 ** step)) + options.epsilon);
      expected.decayed[index]! -= rate * options.weightDecay * expected.decayed[index]!;
      expected.decayed[index]! -= move;
      expected.plain[index]! -= move;
    });
  }
  for (const name of ['decayed', 'plain'] as const) {
    compare(result, name, await parameters.get(name).data(), expected[name], 2e-6);
  }
  optimizer.dispose();
  parameters.dispose();
}

async function checkCache(result: CaseResult, options: { softCap?: number; window?: number }): Promise<void> {
  const shape = { batch: 2, queryTime: 7, keyTime: 7, heads: 4, keyValueHeads: 2, headWidth: 6 };
  const width = shape.keyValueHeads * shape.headWidth;
  const make = new InputMaker(21);
  const inputs = { query: make.float([2, 7, 24]), key: make.float([2, 7, width]), value: make.float([2, 7, width]) };
  // The first row is left-padded by two.
  const padding = [
    [0, 0, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 1, 1],
  ];
  const expected = attentionReference({
    query: inputs.query.values,
    key: inputs.key.values,
    value: inputs.value.values,
    mask: Float64Array.from(padding.flat()),
    ...shape,
    causal: true,
    scale: 1 / Math.sqrt(shape.headWidth),
    maskPerQuery: false,
    ...options,
  });
  const query = toTensor(inputs.query) as tf.Tensor3D;
  const key = toTensor(inputs.key) as tf.Tensor3D;
  const value = toTensor(inputs.value) as tf.Tensor3D;
  const cache = new KeyValueCache({ layers: 1, batch: 2, capacity: 9, width });
  const maskOf = (time: number) =>
    tf.tensor2d(
      padding.map((row) => row.slice(0, time)),
      [2, time],
      'int32',
    );
  const feed = (from: number, time: number) =>
    tf.tidy(() => {
      const piece = (tensor: tf.Tensor3D) => tf.slice(tensor, [0, from, 0], [2, time, tensor.shape[2]]);
      const held = cache.append({ layer: 0, key: piece(key), value: piece(value), from });
      return attention({
        query: piece(query),
        ...held,
        heads: 4,
        keyValueHeads: 2,
        causal: true,
        mask: maskOf(held.keyTime),
        ...options,
      });
    });
  const prompt = feed(0, 4);
  // Wrong positions, overwritten by the next ones: they must leave no trace.
  feed(4, 2).dispose();
  const rest = [4, 5, 6].map((position) => feed(position, 1));
  const whole = tf.concat([prompt, ...rest], 1);
  compare(result, 'attention', await whole.data(), expected, 2e-5);
  // Select row 1 twice.
  cache.selectRows([1, 1]);
  const chosen = tf.tidy(() => {
    const last = (tensor: tf.Tensor3D) => tf.tile(tf.slice(tensor, [1, 6, 0], [1, 1, tensor.shape[2]]), [2, 1, 1]);
    const held = cache.append({ layer: 0, key: last(key), value: last(value), from: 6 });
    return attention({
      query: last(query),
      ...held,
      heads: 4,
      keyValueHeads: 2,
      causal: true,
      ...options,
    });
  });
  const lastRow = expected.subarray(expected.length - 24);
  compare(result, 'chosen rows', await chosen.data(), Float64Array.of(...lastRow, ...lastRow), 2e-5);
  tf.dispose([query, key, value, prompt, rest, whole, chosen]);
  cache.dispose();
}

async function checkTraining(result: CaseResult): Promise<void> {
  const random = new RandomStream({ seed: 1 });
  const parameters = new Parameters();
  const add = (name: string, shape: number[], mean = 0) =>
    parameters.add({ name, value: normal({ shape, random, mean, standardDeviation: 0.3 }) });
  add('embedding', [11, 8]);
  add('query', [8, 8]);
  add('key', [4, 8]);
  add('value', [4, 8]);
  add('norm', [8], 1);
  add('gate', [8, 8]);
  add('up', [8, 8]);
  add('frozen', [8, 8]);
  parameters.freeze('frozen');
  const optimizer = new AdamW({ parameters, learningRate: 0.02, weightDecay: 0 });
  const ids = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32');
  const labels = tf.tensor1d([2, 3, -100, 5, 6, 7], 'int32');
  const matrix = (name: string) => parameters.get<tf.Rank.R2>(name);
  const norm = parameters.get<tf.Rank.R1>('norm');
  const losses: number[] = [];
  const counts: number[] = [];
  for (let step = 0; step < 40; step++) {
    const { value, gradients } = valueAndGradients({
      parameters,
      compute: () => {
        const embedded = embedding<tf.Tensor3D>({ table: matrix('embedding'), ids });
        const input = rmsNorm({ input: embedded, scale: norm });
        const project = (name: string) => linear({ input, weight: matrix(name) });
        const attended = attention({
          query: project('query'),
          key: project('key'),
          value: project('value'),
          heads: 4,
          keyValueHeads: 2,
          causal: true,
        });
        const mixed = tf.add(embedded, linear({ input: attended, weight: matrix('frozen') })) as tf.Tensor3D;
        const hidden = gatedActivation({
          gate: linear({ input: mixed, weight: matrix('gate') }),
          up: linear({ input: mixed, weight: matrix('up') }),
          activation: 'silu',
        });
        const logits = linear({
          input: tf.reshape(tf.add(mixed, hidden), [6, 8]) as tf.Tensor2D,
          weight: matrix('embedding'),
        });
        return tf.div(tf.sum(crossEntropy({ logits, labels })), 5) as tf.Scalar;
      },
    });
    losses.push((await value.data())[0]!);
    if ('frozen' in gradients) {
      result.faults.push('a frozen weight got a gradient');
    }
    optimizer.step({ gradients });
    tf.dispose([value, gradients]);
    counts.push(tf.memory().numTensors);
  }
  if (!(losses.at(-1)! < 0.1 * losses[0]!)) {
    result.faults.push(`the loss went from ${losses[0]} to ${losses.at(-1)}`);
  }
  if (new Set(counts).size !== 1) {
    result.faults.push(`tensors by step: ${counts.join(', ')}`);
  }
  tf.dispose([ids, labels]);
  optimizer.dispose();
  parameters.dispose();
}
