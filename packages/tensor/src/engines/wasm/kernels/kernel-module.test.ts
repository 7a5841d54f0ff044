import { expect, it } from 'vitest';
import { loadKernelModule } from './kernel-module';
import { presentVariants } from './testing/arena';
import type { WebAssemblyMemory } from './web-assembly';

const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (limits: { initial: number; maximum: number; shared: boolean }) => WebAssemblyMemory };
  }
).WebAssembly;

it.each(
  presentVariants.flatMap((variant) => [
    { variant, shared: false },
    { variant, shared: true },
  ]),
)('$variant works on memory that is shared: $shared', async ({ variant, shared }) => {
  const memory = new Memory({ initial: 1, maximum: 1024, shared });
  const { exports, variant: chosen } = await loadKernelModule({ memory, variant });
  new Float32Array(memory.buffer).set([1, 2, 3, 4, 5], 4);
  expect(exports.sumOfSquares(5, 16)).toBe(55);
  expect(chosen).toBe(variant);
});

it('takes the fastest build by itself', async () => {
  const { variant } = await loadKernelModule({ memory: new Memory({ initial: 1, maximum: 1024, shared: false }) });
  expect(variant).toBe(presentVariants[0]);
});
