import { expect } from 'vitest';
import { RandomStream } from '@subtext/core';
import type { KernelExports } from '../kernel-exports';
import { loadKernelModule, type KernelVariant } from '../kernel-module';
import { hasRelaxedSimd } from '../relaxed-simd';
import type { WebAssemblyMemory } from '../web-assembly';

/** A NaN with a distinctive bit pattern: an out-of-bounds read carries it into the result. */
const untouched = 0x7fc0beef;
const guardBytes = 256;

/** Builds of the kernels supported here. */
export const presentVariants: readonly KernelVariant[] = hasRelaxedSimd() ? ['relaxed-simd', 'simd'] : ['simd'];

/** An operand of a kernel in memory. */
export interface Block {
  address: number;
  /** Current contents, as float32. */
  read(): Float64Array;
}

/**
 * Kernels with their own memory, in which every byte outside the allocated blocks is a guard: an out-of-bounds read shows
 * up as NaN in the result, an out-of-bounds write in {@link check}.
 */
export class Arena {
  #next = guardBytes;
  readonly #blocks: { address: number; bytes: number }[] = [];

  readonly #memory: WebAssemblyMemory;
  private constructor(
    readonly kernels: KernelExports,
    memory: WebAssemblyMemory,
    readonly random: RandomStream,
  ) {
    this.#memory = memory;
  }

  static async create(variant: KernelVariant, seed = 1): Promise<Arena> {
    const { Memory } = (
      globalThis as unknown as {
        WebAssembly: { Memory: new (limits: { initial: number; maximum: number }) => WebAssemblyMemory };
      }
    ).WebAssembly;
    const memory = new Memory({ initial: 128, maximum: 65536 });
    const { exports } = await loadKernelModule({ memory, variant });
    const arena = new Arena(exports, memory, new RandomStream({ seed }));
    arena.reset();
    return arena;
  }

  /** Frees every block. */
  reset(): void {
    new Uint32Array(this.#memory.buffer).fill(untouched);
    this.#next = guardBytes;
    this.#blocks.length = 0;
  }

  /** Allocates `count` numbers, filled with NaN, at an address aligned to 4 bytes only. */
  empty(count: number): Block {
    const address = this.#next + 4;
    const bytes = count * 4;
    this.#next = Math.ceil((address + bytes + guardBytes) / 16) * 16;
    if (this.#next > this.#memory.buffer.byteLength) {
      throw new Error('the arena is too small');
    }
    this.#blocks.push({ address, bytes });
    return { address, read: () => Float64Array.from(new Float32Array(this.#memory.buffer, address, count)) };
  }

  /** Allocates these numbers, rounded to float32. */
  floats(values: ArrayLike<number>): Block {
    const block = this.empty(values.length);
    new Float32Array(this.#memory.buffer, block.address, values.length).set(Float32Array.from(values));
    return block;
  }

  integers(values: ArrayLike<number>): Block {
    const block = this.empty(values.length);
    new Int32Array(this.#memory.buffer, block.address, values.length).set(Int32Array.from(values));
    return block;
  }

  /** Allocates normal random numbers. */
  normal(count: number, deviation = 1): Block {
    return this.floats(Array.from({ length: count }, () => deviation * this.random.normal()));
  }

  /** Allocates aligned scratch memory. */
  scratch(bytes: number): number {
    this.#next = Math.ceil(this.#next / 64) * 64;
    const address = this.#next;
    this.#next += Math.ceil(bytes / 16) * 16 + guardBytes;
    if (this.#next > this.#memory.buffer.byteLength) {
      throw new Error('the arena is too small');
    }
    this.#blocks.push({ address, bytes });
    return address;
  }

  /** Fails if a byte outside the blocks has changed. */
  check(): void {
    const words = new Uint32Array(this.#memory.buffer);
    let from = 0;
    const changed: number[] = [];
    const scan = (end: number) => {
      for (let index = from; index < end; index++) {
        if (words[index] !== untouched) {
          changed.push(index * 4);
        }
      }
    };
    for (const { address, bytes } of this.#blocks) {
      scan(address / 4);
      from = Math.ceil((address + bytes) / 4);
    }
    scan(Math.min(words.length, from + 4096));
    expect(changed, 'bytes written outside the operands').toEqual([]);
  }
}

/** Expects every number to be within `tolerance`, and NaN where NaN is expected. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number | ((index: number) => number),
  what = '',
): void {
  expect(actual.length).toBe(expected.length);
  for (let index = 0; index < actual.length; index++) {
    const [a, e] = [actual[index]!, expected[index]!];
    const allowed = typeof tolerance === 'number' ? tolerance : tolerance(index);
    if (!(Math.abs(a - e) <= allowed) && !(Number.isNaN(a) && Number.isNaN(e)) && a !== e) {
      expect.fail(`${what}[${index}] is ${a}, should be ${e} ± ${allowed}`);
    }
  }
}
