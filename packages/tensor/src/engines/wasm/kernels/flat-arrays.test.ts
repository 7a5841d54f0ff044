import { describe, expect, it } from 'vitest';
import { createSharedMemory, flatArrayKernels } from './flat-arrays';

const count = 1003;

function arrays(): { kernels: ReturnType<typeof flatArrayKernels>; parts: Float32Array[] } {
  const memory = createSharedMemory(6 * count * 4)!;
  const parts = Array.from({ length: 6 }, (_, part) => new Float32Array(memory.buffer, part * count * 4, count));
  parts.forEach((part, which) =>
    part.forEach((_, index) => (part[index] = Math.sin(index * 7.13 + which) * (which === 3 ? 1e-3 : 1))),
  );
  parts[3]!.forEach((value, index) => (parts[3]![index] = Math.abs(value)));
  return { kernels: flatArrayKernels(memory), parts };
}

describe('kernels over flat arrays in shared memory', () => {
  it('adds as JavaScript does, bit for bit, also at odd offsets', () => {
    const {
      kernels,
      parts: [target, source],
    } = arrays();
    const expected = target!.map((value, index) => value + source![index]!);
    kernels.addInto({ target: target!.subarray(0, 501), source: source!.subarray(0, 501) });
    kernels.addInto({ target: target!.subarray(501), source: source!.subarray(501) });
    expect(target).toEqual(expected);
  });

  it('takes an AdamW step as float64 arithmetic does, bit for bit, however the arrays are cut', () => {
    const { kernels, parts } = arrays();
    const [parameters, gradients, firstMoments, secondMoments] = parts.map((part) => part) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const settings = {
      learningRate: 3e-3,
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: 0.01,
      gradientScale: 0.37,
    };
    for (const step of [1, 2, 3]) {
      const expected = [parameters, firstMoments, secondMoments].map((array) => array.slice());
      const { learningRate, beta1, beta2, epsilon, weightDecay, gradientScale } = settings;
      for (let i = 0; i < count; i++) {
        const gradient = gradients[i]! * gradientScale;
        const first = beta1 * firstMoments[i]! + (1 - beta1) * gradient;
        const second = beta2 * secondMoments[i]! + (1 - beta2) * gradient * gradient;
        expected[0]![i] =
          parameters[i]! * (1 - learningRate * weightDecay) -
          (learningRate * first * (1 / (1 - beta1 ** step))) /
            (Math.sqrt(second * (1 / (1 - beta2 ** step))) + epsilon);
        expected[1]![i] = first;
        expected[2]![i] = second;
      }
      for (const [from, to] of [
        [0, 7],
        [7, 600],
        [600, count],
      ]) {
        const cut = (array: Float32Array) => array.subarray(from, to);
        kernels.adamW({
          parameters: cut(parameters),
          gradients: cut(gradients),
          firstMoments: cut(firstMoments),
          secondMoments: cut(secondMoments),
          ...settings,
          step,
        });
      }
      expect([parameters, firstMoments, secondMoments]).toEqual(expected);
    }
  });

  it('refuses arrays that lie elsewhere', () => {
    const { kernels, parts } = arrays();
    expect(() => kernels.addInto({ target: parts[0]!, source: new Float32Array(count) })).toThrow(
      /does not lie in the memory/,
    );
  });

  it('has no memory for more than 4 GB', () => {
    expect(createSharedMemory(2 ** 32 + 1)).toBeNull();
  });
});
