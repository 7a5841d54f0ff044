import { describe, expect, it } from 'vitest';
import { kernelsAgree, type Trial, wideTilesAreFaster } from './kernels-agree';
import { loadKernelModule, type KernelVariant } from './kernel-module';
import { presentVariants } from './testing/arena';
import { webAssembly } from './web-assembly';

async function trial(variant: KernelVariant): Promise<Trial> {
  const memory = new webAssembly.Memory({ initial: 64, maximum: 65536 });
  const { exports } = await loadKernelModule({ memory, variant });
  return { kernels: exports, memory };
}

describe('the check before wide vectors are used', () => {
  it.each(presentVariants)('accepts kernels that give the same bits (%s)', async (variant) => {
    expect(kernelsAgree(await trial(variant), await trial(variant))).toBe(true);
  });

  it.runIf(presentVariants.length > 1)('refuses kernels that round otherwise', async () => {
    expect(kernelsAgree(await trial('relaxed-simd'), await trial('simd'))).toBe(false);
  });

  it('refuses a kernel that is wrong in one place', async () => {
    const [good, bad] = [await trial('simd'), await trial('simd')];
    const kernels = {
      ...bad.kernels,
      attentionBackward: (...args: Parameters<Trial['kernels']['attentionBackward']>) => {
        bad.kernels.attentionBackward(...args);
        // The last of the gradient by the query.
        new Uint32Array(bad.memory.buffer)[(args[16] >> 2) + 3]! ^= 1;
      },
    };
    expect(kernelsAgree(good, { ...bad, kernels })).toBe(false);
  });

  it.each([true, false])(
    'times both tiles, and leaves the narrow ones in use (wide ones slow: %s)',
    async (wideIsSlow) => {
      const { kernels } = await trial('simd');
      let wide = true;
      const slowed: Trial['kernels'] = {
        ...kernels,
        useWideTiles: (wished) => void (wide = Boolean(wished)),
        matrixProduct: () => {
          for (const until = performance.now() + (wide === wideIsSlow ? 2 : 0); performance.now() < until;);
        },
      };
      expect(wideTilesAreFaster({ kernels: slowed })).toBe(!wideIsSlow);
      expect(wide).toBe(false);
    },
  );
});

it.each(presentVariants)('tiles of 16 columns give the same bits as those of 8 (%s)', async (variant) => {
  const { kernels, memory } = await trial(variant);
  const numbers = new Float32Array(memory.buffer, 0, 65_536);
  numbers.forEach((_, index) => (numbers[index] = Math.sin(index * 12.9898) * 3));
  for (const [rows, columns, depth] of [
    [5, 16, 1],
    [23, 41, 300],
    [64, 32, 20],
    [7, 100, 64],
    [40, 15, 8],
  ] as const) {
    for (const [transposeA, transposeB, biased] of [
      [false, false, false],
      [false, true, true],
      [true, false, true],
      [true, true, false],
    ] as const) {
      const [a, b, bias, scratch] = [1024, 100_000, 250_000, 1_000_000];
      const results = [false, true].map((wide) => {
        const c = 300_000 + Number(wide) * 50_000;
        kernels.useWideTiles(wide);
        kernels.matrixProduct(
          rows,
          columns,
          depth,
          a,
          (transposeA ? rows : depth) * 4,
          transposeA,
          b,
          (transposeB ? depth : columns) * 4,
          transposeB,
          biased ? bias : 0,
          0,
          c,
          columns * 4,
          scratch,
        );
        return [...new Uint32Array(memory.buffer, c, rows * columns)];
      });
      expect(results[1], `${rows} × ${columns} × ${depth}`).toEqual(results[0]);
    }
  }
  kernels.useWideTiles(false);
});
