import type { tf } from '@subtext/tensor';
import type { FusedKernels } from '@subtext/tensor';
import { columnSums } from './column-sums';
import { defaultWorkgroup, type RunShader } from './run-shader';
import { workgroupSum } from './workgroup-sum';

type Names = 'layerNorm' | 'rmsNorm' | 'sumRows';

/** Visits the columns of a workgroup's row: `column` in the row, `i` in the tensor. */
const eachColumn = (
  code: string,
) => `for (var column = i32(lane); column < uniforms.width; column += ${defaultWorkgroup}) {
    let i = i32(group) * uniforms.width + column;
    ${code}
  }`;

/** Norms over rows, a workgroup for each row; the gradients of scale and bias by sums over columns. */
export function normKernels(run: RunShader): Pick<Required<FusedKernels>, Names> {
  return {
    layerNorm: {
      forward: ({ input, scale, bias, epsilon }) => {
        const [rows, width] = input.shape;
        const { output, mean, inverseDeviation } = run({
          name: 'layerNorm',
          declarations: workgroupSum,
          body: `var sum = 0.0;
  ${eachColumn('sum += input[i];')}
  let average = workgroupSum(lane, vec2f(sum, 0.0)).x / uniforms.count;
  var squares = 0.0;
  ${eachColumn('let centred = input[i] - average; squares += centred * centred;')}
  let inverse = inverseSqrt(workgroupSum(lane, vec2f(squares, 0.0)).x / uniforms.count + uniforms.epsilon);
  ${eachColumn('output[i] = (input[i] - average) * inverse * scale[column] + bias[column];')}
  if (lane == 0u) { mean[group] = average; inverseDeviation[group] = inverse; }`,
          inputs: { input, scale, bias },
          outputs: { output: [rows, width], mean: [rows], inverseDeviation: [rows] },
          integers: { width },
          floats: { count: width, epsilon },
          groups: rows,
        });
        return {
          output: output as tf.Tensor2D,
          mean: mean as tf.Tensor1D,
          inverseDeviation: inverseDeviation as tf.Tensor1D,
        };
      },

      backward: ({ gradient, input, scale, mean, inverseDeviation }) => {
        const [rows, width] = input.shape;
        const { toInput } = run({
          name: 'layerNormGradient',
          declarations: workgroupSum,
          body: `let average = mean[group];
  let inverse = inverseDeviation[group];
  var sums = vec2f(0.0);
  ${eachColumn('let scaled = gradient[i] * scale[column]; sums += vec2f(scaled, scaled * (input[i] - average) * inverse);')}
  let means = workgroupSum(lane, sums) / uniforms.count;
  ${eachColumn('toInput[i] = (gradient[i] * scale[column] - means.x - (input[i] - average) * inverse * means.y) * inverse;')}`,
          inputs: { gradient, input, scale, mean, inverseDeviation },
          outputs: { toInput: [rows, width] },
          integers: { width },
          floats: { count: width },
          groups: rows,
        });
        const { toScale, toBias } = columnSums(run, {
          rows,
          width,
          inputs: { gradient, input, mean, inverseDeviation },
          terms: { toScale: 'gradient[i] * (input[i] - mean[row]) * inverseDeviation[row]', toBias: 'gradient[i]' },
        });
        return { input: toInput as tf.Tensor2D, scale: toScale, bias: toBias };
      },
    },
    rmsNorm: {
      forward: ({ input, scale, epsilon }) => {
        const [rows, width] = input.shape;
        const { output, inverseDeviation } = run({
          name: 'rmsNorm',
          declarations: workgroupSum,
          body: `var squares = 0.0;
  ${eachColumn('squares += input[i] * input[i];')}
  let inverse = inverseSqrt(workgroupSum(lane, vec2f(squares, 0.0)).x / uniforms.count + uniforms.epsilon);
  ${eachColumn('output[i] = input[i] * inverse * scale[column];')}
  if (lane == 0u) { inverseDeviation[group] = inverse; }`,
          inputs: { input, scale },
          outputs: { output: [rows, width], inverseDeviation: [rows] },
          integers: { width },
          floats: { count: width, epsilon },
          groups: rows,
        });
        return { output: output as tf.Tensor2D, inverseDeviation: inverseDeviation as tf.Tensor1D };
      },

      backward: ({ gradient, input, scale, inverseDeviation }) => {
        const [rows, width] = input.shape;
        const { toInput } = run({
          name: 'rmsNormGradient',
          declarations: workgroupSum,
          body: `let inverse = inverseDeviation[group];
  var sum = 0.0;
  ${eachColumn('sum += gradient[i] * scale[column] * input[i] * inverse;')}
  let average = workgroupSum(lane, vec2f(sum, 0.0)).x / uniforms.count;
  ${eachColumn('toInput[i] = (gradient[i] * scale[column] - input[i] * inverse * average) * inverse;')}`,
          inputs: { gradient, input, scale, inverseDeviation },
          outputs: { toInput: [rows, width] },
          integers: { width },
          floats: { count: width },
          groups: rows,
        });
        const { toScale } = columnSums(run, {
          rows,
          width,
          inputs: { gradient, input, inverseDeviation },
          terms: { toScale: 'gradient[i] * input[i] * inverseDeviation[row]' },
        });
        return { input: toInput as tf.Tensor2D, scale: toScale };
      },
    },

    sumRows: (input) =>
      columnSums(run, { rows: input.shape[0], width: input.shape[1], inputs: { input }, terms: { sums: 'input[i]' } })
        .sums,
  };
}
