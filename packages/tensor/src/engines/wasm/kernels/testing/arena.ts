import { expect } from 'vitest';
import { RandomStream } from '@subtext/core';
import type { KernelExports } from '../kernel-exports';
import { loadKernelModule, type KernelVariant } from '../kernel-module';
import { hasRelaxedSimd } from '../relaxed-simd';
import type { WebAssemblyMemory } from '../web-assembly';

/** A NaN with a pattern of its own: whatever reads beyond its operands gets it into its result. */
const untouched = 0x7fc0beef;
const guardBytes = 256;

/** Every build of the kernels that compiles here. */
export const presentVariants: readonly KernelVariant[] = hasRelaxedSimd() ? ['relaxed-simd', 'simd'] : ['simd'];

/** Numbers in memory that a kernel reads or writes. */
export interface Block {
  address: number;
  /** What it holds now, as float32. */
  read(): Float64Array;
}

/**
 * Kernels on a memory of their own, in which every byte outside the blocks handed out is a guard: a read beyond an
 * operand shows as NaN in the result, a write shows in {@link check}.
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

  /** Forgets every block. */
  reset(): void {
    new Uint32Array(this.#memory.buffer).fill(untouched);
    this.#next = guardBytes;
    this.#blocks.length = 0;
  }

  /** Room for `count` numbers, contents NaN, at an address that is a multiple of 4 only. */
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

  /** These numbers, rounded to float32. */
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

  /** Normal numbers. */
  normal(count: number, deviation = 1): Block {
    return this.floats(Array.from({ length: count }, () => deviation * this.random.normal()));
  }

  /** Aligned bytes that a kernel may use as it likes. */
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

/** Every number within `tolerance` of what it should be, NaN where NaN should be. */
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
