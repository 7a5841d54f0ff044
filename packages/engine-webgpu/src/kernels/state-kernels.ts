import { tf } from '@subtext/tensor';
import type { FusedKernels } from '@subtext/tensor';
import { elementwise } from './elementwise';
import { defaultWorkgroup, type RunShader } from './run-shader';
import { workgroupSum } from './workgroup-sum';

type Names = 'adamW' | 'cacheWrite' | 'partialSumsOfSquares';

/** At most so many workgroups share a tensor's sum of squares: the host reads as many numbers of each tensor. */
const partsPerTensor = 64;
/** Numbers that a thread should add before a workgroup is worth its while. */
const numbersPerThread = 32;

/** What changes in place, and what is measured before it does. */
export function stateKernels(run: RunShader): Pick<Required<FusedKernels>, Names> {
  return {
    adamW: ({
      parameter,
      gradient,
      firstMoment,
      secondMoment,
      learningRate,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      step,
      gradientScale,
    }) => {
      run({
        name: 'adamW',
        inputs: { gradient },
        inPlace: { parameter, firstMoment, secondMoment },
        ...elementwise(
          parameter.size,
          `let g = gradient[i] * uniforms.gradientScale;
  let m = uniforms.beta1 * firstMoment[i] + uniforms.rest1 * g;
  let v = uniforms.beta2 * secondMoment[i] + uniforms.rest2 * g * g;
  firstMoment[i] = m;
  secondMoment[i] = v;
  parameter[i] = parameter[i] * uniforms.kept - uniforms.rate * m / (sqrt(v) * uniforms.correction + uniforms.epsilon);`,
        ),
        floats: {
          gradientScale,
          beta1,
          rest1: 1 - beta1,
          beta2,
          rest2: 1 - beta2,
          epsilon,
          kept: 1 - learningRate * weightDecay,
          rate: learningRate / (1 - beta1 ** step),
          correction: 1 / Math.sqrt(1 - beta2 ** step),
        },
      });
    },

    cacheWrite: ({ buffer, update, offset }) => {
      const [, capacity, width] = buffer.shape as [number, number, number];
      const time = update.shape[1];
      const size = elementwise(
        update.size,
        `let row = i / uniforms.rowSize;
  buffer[row * uniforms.bufferRowSize + uniforms.start + i - row * uniforms.rowSize] = update[i];`,
      );
      run({
        name: 'cacheWrite',
        inputs: { update },
        inPlace: { buffer },
        ...size,
        integers: { ...size.integers, rowSize: time * width, bufferRowSize: capacity * width, start: offset * width },
      });
    },

    partialSumsOfSquares: (tensors) => {
      const sums = tf.zeros<tf.Rank.R1>([tensors.length * partsPerTensor]);
      tensors.forEach((tensor, index) => {
        const groups = Math.min(partsPerTensor, Math.ceil(tensor.size / (defaultWorkgroup * numbersPerThread)));
        run({
          name: 'sumOfSquares',
          declarations: workgroupSum,
          body: `var sum = 0.0;
  for (var i = i32(group * ${defaultWorkgroup}u + lane); i < uniforms.size; i += i32(uniforms.groups) * ${defaultWorkgroup}) { sum += values[i] * values[i]; }
  let whole = workgroupSum(lane, vec2f(sum, 0.0)).x;
  if (lane == 0u) { sums[uniforms.start + i32(group)] = whole; }`,
          inputs: { values: tensor },
          inPlace: { sums },
          integers: { size: tensor.size, start: index * partsPerTensor },
          groups,
        });
      });
      return sums;
    },
  };
}
