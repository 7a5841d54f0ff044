import type { tf } from '../tensorflow';
import { activate } from '../operations/activate';
import { activationNames } from '../operations/activations';
import { gatedActivation } from '../operations/gated-activation';
import { layerNorm } from '../operations/layer-norm';
import { linear } from '../operations/linear';
import { rmsNorm } from '../operations/rms-norm';
import { softCap } from '../operations/soft-cap';
import type { Activation, WeightLayout } from '../kernels/kernels';
import { InputMaker, type ParityCase, type ParityInput, type Tensors } from './parity-case';
import { activationReference, layerNormReference, linearReference, rmsNormReference } from './reference';
import { attentionCase, rotaryCase } from './attention-cases';
import { embeddingCase, crossEntropyCase, gatherRowsCase, scatterRowsCase } from './row-cases';

function linearCase({
  rows,
  inWidth,
  outWidth,
  activation = 'none',
  layout = 'out-in',
  bias = true,
}: {
  rows: number[];
  inWidth: number;
  outWidth: number;
  activation?: Activation;
  layout?: WeightLayout;
  bias?: boolean;
}): ParityCase {
  const make = new InputMaker(rows.length * 1000 + inWidth * 7 + outWidth);
  return {
    name: `linear [${[...rows, inWidth].join(', ')}] → ${outWidth}, ${layout}, ${activation}${bias ? '' : ', no bias'}`,
    inputs: {
      input: make.float([...rows, inWidth]),
      weight: make.float(layout === 'out-in' ? [outWidth, inWidth] : [inWidth, outWidth], {
        deviation: 1 / Math.sqrt(inWidth),
      }),
      ...(bias ? { bias: make.float([outWidth]) } : {}),
    },
    run: ({ input, weight, bias }: Tensors) =>
      linear({
        input: input!,
        weight: weight as tf.Tensor2D,
        bias: bias as tf.Tensor1D | undefined,
        activation,
        layout,
      }),
    reference: ({ input, weight, bias }) =>
      linearReference({ input: input!, weight: weight!, bias, inWidth, outWidth, activation, layout }),
  };
}

function layerNormCase(
  shape: number[],
  options: { mean?: number; deviation?: number; epsilon?: number } = {},
): ParityCase {
  const { mean = 0, deviation = 1, epsilon = 1e-5 } = options;
  const width = shape.at(-1)!;
  const make = new InputMaker(width * 31 + shape.length);
  return {
    name: `layerNorm [${shape.join(', ')}], mean ${mean}, deviation ${deviation}, ε ${epsilon}`,
    inputs: {
      input: make.float(shape, { mean, deviation }),
      scale: make.float([width], { mean: 1, deviation: 0.3 }),
      bias: make.float([width]),
    },
    run: ({ input, scale, bias }: Tensors) =>
      layerNorm({ input: input!, scale: scale as tf.Tensor1D, bias: bias as tf.Tensor1D, epsilon }),
    reference: ({ input, scale, bias }) => layerNormReference({ input: input!, scale: scale!, bias: bias!, epsilon }),
  };
}

function rmsNormCase(shape: number[], { mean = 0, epsilon = 1e-6 } = {}): ParityCase {
  const width = shape.at(-1)!;
  const make = new InputMaker(width * 37 + shape.length);
  return {
    name: `rmsNorm [${shape.join(', ')}], mean ${mean}, ε ${epsilon}`,
    inputs: { input: make.float(shape, { mean }), scale: make.float([width], { mean: 1, deviation: 0.3 }) },
    run: ({ input, scale }: Tensors) => rmsNorm({ input: input!, scale: scale as tf.Tensor1D, epsilon }),
    reference: ({ input, scale }) => rmsNormReference({ input: input!, scale: scale!, epsilon }),
  };
}

/** Away from 0, where ReLU is not differentiable. */
function bent(make: InputMaker, shape: number[]): ParityInput {
  const input = make.float(shape, { deviation: 2 });
  input.values.forEach((x, index) => {
    input.values[index] = Math.abs(x) < 0.01 ? Math.fround(x + 0.05) : x;
  });
  return input;
}

function activateCase(activation: Activation): ParityCase {
  const make = new InputMaker(77);
  return {
    name: `activate ${activation} [3, 17]`,
    inputs: { input: bent(make, [3, 17]) },
    run: ({ input }: Tensors) => activate({ input: input!, activation }),
    reference: ({ input }) => input!.map((x) => activationReference(activation, x)),
  };
}

/** Large magnitudes, where naive exponentials overflow. */
function farActivateCase(activation: Activation): ParityCase {
  const make = new InputMaker(1);
  return {
    name: `activate ${activation} far from 0`,
    inputs: { input: make.given([8], [-120, -90.5, -30, -7, 7, 30, 90.5, 120]) },
    run: ({ input }: Tensors) => activate({ input: input!, activation }),
    reference: ({ input }) => input!.map((x) => activationReference(activation, x)),
  };
}

function softCapCase(shape: number[], cap: number): ParityCase {
  const make = new InputMaker(shape.length);
  return {
    name: `softCap ${cap} [${shape.join(', ')}]`,
    inputs: { input: make.float(shape, { deviation: 2 * cap }) },
    run: ({ input }: Tensors) => softCap({ input: input!, cap }),
    reference: ({ input }) => input!.map((x) => cap * Math.tanh(x / cap)),
  };
}

function gatedCase(activation: Activation, shape: number[]): ParityCase {
  const make = new InputMaker(shape.at(-1)! * 3);
  return {
    name: `gatedActivation ${activation} [${shape.join(', ')}]`,
    inputs: { gate: bent(make, shape), up: make.float(shape) },
    run: ({ gate, up }: Tensors) => gatedActivation({ gate: gate!, up: up!, activation }),
    reference: ({ gate, up }) => gate!.map((x, index) => activationReference(activation, x) * up![index]!),
  };
}

const smoothActivations = activationNames.filter((activation) => activation !== 'none');

/** Cases every engine must pass, for values and gradients. Sizes straddle the tiles and vector widths of kernels. */
export const parityCases: readonly ParityCase[] = [
  linearCase({ rows: [3], inWidth: 5, outWidth: 7 }),
  linearCase({ rows: [3], inWidth: 5, outWidth: 7, layout: 'in-out' }),
  linearCase({ rows: [1], inWidth: 1, outWidth: 1, bias: false }),
  linearCase({ rows: [2, 3], inWidth: 8, outWidth: 4, bias: false }),
  linearCase({ rows: [2, 3], inWidth: 8, outWidth: 4, bias: false, layout: 'in-out' }),
  ...smoothActivations.map((activation) => linearCase({ rows: [2, 2], inWidth: 6, outWidth: 9, activation })),
  linearCase({ rows: [5], inWidth: 33, outWidth: 17, activation: 'gelu-tanh', layout: 'in-out' }),
  linearCase({ rows: [2, 33], inWidth: 65, outWidth: 130, activation: 'gelu' }),
  linearCase({ rows: [67], inWidth: 129, outWidth: 48 }),
  linearCase({ rows: [67], inWidth: 129, outWidth: 48, layout: 'in-out' }),
  linearCase({ rows: [1], inWidth: 64, outWidth: 96 }),
  // Sums, rows and columns of several blocks, with partial last blocks; and a few rows with a long sum.
  linearCase({ rows: [530], inWidth: 300, outWidth: 270, bias: false }),
  linearCase({ rows: [5, 106], inWidth: 270, outWidth: 35, activation: 'gelu-tanh', layout: 'in-out' }),
  linearCase({ rows: [7], inWidth: 301, outWidth: 530 }),
  linearCase({ rows: [7], inWidth: 301, outWidth: 530, layout: 'in-out' }),
  linearCase({ rows: [29], inWidth: 301, outWidth: 530, layout: 'in-out' }),
  linearCase({ rows: [25], inWidth: 1030, outWidth: 41 }),
  linearCase({ rows: [40], inWidth: 601, outWidth: 70, activation: 'silu' }),
  attentionCase({ batch: 1, queryTime: 1, heads: 1, headWidth: 1 }),
  attentionCase({ batch: 2, queryTime: 5, heads: 3, headWidth: 4 }),
  attentionCase({ batch: 2, queryTime: 5, heads: 3, headWidth: 7, causal: true }),
  attentionCase({ batch: 2, queryTime: 3, keyTime: 7, heads: 2, headWidth: 4, causal: true }),
  attentionCase({ batch: 2, queryTime: 1, keyTime: 9, heads: 4, keyValueHeads: 2, headWidth: 6, causal: true }),
  attentionCase({ batch: 1, queryTime: 6, keyTime: 2, heads: 2, headWidth: 4, causal: true }),
  attentionCase({ batch: 2, queryTime: 4, keyTime: 6, heads: 2, headWidth: 4 }),
  attentionCase({ batch: 2, queryTime: 4, heads: 6, keyValueHeads: 2, headWidth: 4, causal: true }),
  attentionCase({ batch: 2, queryTime: 4, heads: 4, keyValueHeads: 1, headWidth: 5 }),
  attentionCase({ batch: 3, queryTime: 5, heads: 2, headWidth: 4, mask: 'keys' }),
  attentionCase({ batch: 3, queryTime: 5, heads: 2, headWidth: 4, mask: 'blind', causal: true }),
  attentionCase({ batch: 2, queryTime: 4, keyTime: 6, heads: 4, keyValueHeads: 2, headWidth: 4, mask: 'queries' }),
  attentionCase({ batch: 2, queryTime: 4, heads: 2, headWidth: 8, mask: 'queries', causal: true, scale: 0.9 }),
  attentionCase({ batch: 2, queryTime: 37, heads: 2, headWidth: 16, causal: true, mask: 'keys' }),
  attentionCase({ batch: 1, queryTime: 70, keyTime: 97, heads: 2, keyValueHeads: 1, headWidth: 33, causal: true }),
  attentionCase({ batch: 1, queryTime: 65, heads: 1, headWidth: 64 }),
  attentionCase({ batch: 5, queryTime: 1, keyTime: 19, heads: 4, keyValueHeads: 2, headWidth: 6, causal: true }),
  attentionCase({
    batch: 4,
    queryTime: 3,
    keyTime: 9,
    heads: 4,
    keyValueHeads: 2,
    headWidth: 20,
    mask: 'queries',
    causal: true,
  }),
  attentionCase({ batch: 4, queryTime: 2, keyTime: 5, heads: 2, headWidth: 16, mask: 'blind' }),
  // Soft caps small enough to matter, windows shorter than the keys, and both together as in Gemma 2.
  attentionCase({ batch: 2, queryTime: 5, heads: 3, headWidth: 4, softCap: 0.8 }),
  attentionCase({ batch: 2, queryTime: 4, heads: 4, keyValueHeads: 2, headWidth: 6, causal: true, softCap: 2 }),
  attentionCase({ batch: 2, queryTime: 1, keyTime: 9, heads: 4, keyValueHeads: 2, headWidth: 6, softCap: 1 }),
  attentionCase({ batch: 3, queryTime: 5, heads: 2, headWidth: 4, mask: 'blind', causal: true, softCap: 1 }),
  attentionCase({ batch: 2, queryTime: 7, heads: 2, headWidth: 4, causal: true, window: 1 }),
  attentionCase({ batch: 2, queryTime: 7, heads: 4, keyValueHeads: 2, headWidth: 4, causal: true, window: 3 }),
  attentionCase({ batch: 2, queryTime: 1, keyTime: 9, heads: 2, headWidth: 6, causal: true, window: 4 }),
  attentionCase({ batch: 2, queryTime: 3, keyTime: 9, heads: 2, headWidth: 6, causal: true, window: 4, mask: 'keys' }),
  attentionCase({ batch: 1, queryTime: 6, keyTime: 4, heads: 2, headWidth: 4, causal: true, window: 2 }),
  attentionCase({ batch: 2, queryTime: 5, heads: 2, headWidth: 8, mask: 'queries', causal: true, window: 2 }),
  attentionCase({ batch: 1, queryTime: 40, heads: 2, headWidth: 16, causal: true, window: 17 }),
  attentionCase({
    batch: 2,
    queryTime: 6,
    keyTime: 9,
    heads: 4,
    keyValueHeads: 2,
    headWidth: 4,
    mask: 'keys',
    causal: true,
    scale: 0.9,
    softCap: 1.5,
    window: 4,
  }),
  layerNormCase([4, 5]),
  layerNormCase([2, 3, 16], { mean: 2, deviation: 3 }),
  layerNormCase([3, 67], { mean: -20 }),
  layerNormCase([1, 1], { epsilon: 0.1 }),
  rmsNormCase([4, 5]),
  rmsNormCase([2, 3, 16], { mean: 3 }),
  rmsNormCase([3, 67], { epsilon: 1e-5 }),
  rotaryCase({ batch: 2, time: 3, heads: 2, headWidth: 4, shared: true }),
  rotaryCase({ batch: 2, time: 5, heads: 3, headWidth: 6, shared: false }),
  rotaryCase({ batch: 1, time: 9, heads: 2, headWidth: 34, shared: true }),
  rotaryCase({ batch: 2, time: 5, heads: 3, headWidth: 7, shared: false, dimensions: 4 }),
  rotaryCase({ batch: 2, time: 3, heads: 2, headWidth: 20, shared: true, dimensions: 8 }),
  rotaryCase({ batch: 2, time: 3, heads: 2, headWidth: 6, shared: true, layout: 'interleaved' }),
  rotaryCase({ batch: 2, time: 5, heads: 3, headWidth: 9, shared: false, dimensions: 4, layout: 'interleaved' }),
  softCapCase([3, 17], 30),
  ...smoothActivations.map(activateCase),
  ...smoothActivations.map(farActivateCase),
  gatedCase('silu', [2, 3, 5]),
  gatedCase('gelu-tanh', [4, 19]),
  gatedCase('gelu', [4, 8]),
  gatedCase('none', [2, 3]),
  gatedCase('silu', [33, 65]),
  embeddingCase({ vocabulary: 7, width: 5, shape: [11] }),
  embeddingCase({ vocabulary: 3, width: 8, shape: [2, 6] }),
  embeddingCase({ vocabulary: 101, width: 33, shape: [4, 19] }),
  crossEntropyCase({ rows: 4, vocabulary: 5 }),
  crossEntropyCase({ rows: 5, vocabulary: 7, ignored: 2 }),
  crossEntropyCase({ rows: 3, vocabulary: 9, ignored: 1, ignoreIndex: 0 }),
  crossEntropyCase({ rows: 3, vocabulary: 4, ignored: 3 }),
  crossEntropyCase({ rows: 4, vocabulary: 6, deviation: 60 }),
  crossEntropyCase({ rows: 33, vocabulary: 259, ignored: 5 }),
  gatherRowsCase(),
  scatterRowsCase([4, 0, 2], 6, 5),
  scatterRowsCase([0, 1, 2], 3, 4),
  scatterRowsCase([], 3, 4),
];
