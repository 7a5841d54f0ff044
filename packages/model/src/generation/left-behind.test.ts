import { tf } from '@subtext/tensor';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createModel } from '../create-model';
import type { LanguageModel } from '../language-model';
import { describeOnEngines } from '../parity/engines';
import { largestDifference } from '../parity/recorded';
import { DecodingSession } from './decoding-session';
import { leftColumns } from './left-columns';
import type { RowSight } from './row-sight';

const config = {
  model_type: 'llama',
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  initializer_range: 0.3,
};

/** From token 9 on, positions see the last two before it and what comes after it, whatever `goes` says. */
class AnswerSight implements RowSight {
  #ids: (number | null)[] = [];
  readonly #goes: boolean;

  constructor({ goes }: { /** Whether it tells what is left behind. */ goes: boolean }) {
    this.#goes = goes;
  }
  get #begin(): number {
    return this.#ids.indexOf(9);
  }
  push(id: number | null): void {
    this.#ids.push(id);
  }
  forgetLast(count: number): void {
    this.#ids.length -= count;
  }
  sees(position: number, key: number): boolean {
    return this.#begin < 0 || position < this.#begin || key >= this.#begin - 2;
  }
  seesPictures(): boolean {
    return true;
  }
  leftBehind(): ((position: number) => boolean) | null {
    const begin = this.#begin;
    return this.#goes && begin >= 0 ? (position) => position < begin - 2 : null;
  }
  copy(): AnswerSight {
    const copy = new AnswerSight({ goes: this.#goes });
    for (const id of this.#ids) copy.push(id);
    return copy;
  }
}

describeOnEngines('what nobody will look at any more', () => {
  let model: LanguageModel;
  beforeAll(() => void (model = createModel({ config, seed: 5 })));
  afterAll(() => model.dispose());

  /** Feeds prompts of two lengths, the second a step later in its answer, and gives what each step gave and held. */
  async function steps({ goes, own = model }: { goes: boolean; own?: LanguageModel }) {
    const session = new DecodingSession({
      model: own,
      batch: 2,
      capacity: 40,
      sights: [new AnswerSight({ goes }), new AnswerSight({ goes })],
    });
    const held: number[] = [];
    const given: Float32Array[] = [];
    const feed = async (ids: number[][], mask: number[][] | null = null) => {
      const hidden = tf.tidy(
        () => session.feed({ embeddings: own.embed(tf.tensor2d(ids, undefined, 'int32')), mask, ids }).hidden,
      );
      given.push(((await hidden.data()) as Float32Array).slice(-16 * ids[0]!.length));
      hidden.dispose();
      held.push(session.length);
    };
    await feed(
      [
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
        [0, 0, 11, 12, 13, 14, 15, 16, 17],
      ],
      [new Array<number>(9).fill(1), [0, 0, 1, 1, 1, 1, 1, 1, 1]],
    );
    await feed([[10], [9]]);
    await feed([[11], [12]]);
    await feed([
      [12, 13],
      [14, 15],
    ]);
    // A draft of which the first row keeps nothing, and the second all.
    session.forgetLast([2, 0]);
    await feed([[14], [16]]);
    session.selectRows([1, 0, 1]);
    await feed([[17], [18], [19]]);
    expect(session.positions).toEqual([13, 13, 13]);
    session.dispose();
    return { held, given };
  }

  it('goes once it is half of what is held, and what is computed stays the same', async () => {
    const tensors = tf.memory().numTensors;
    const whole = await steps({ goes: false });
    const kept = await steps({ goes: true });
    expect(whole.held).toEqual([9, 10, 11, 13, 14, 15]);
    // Two before the answer and the answer in either row, where both have come to it.
    expect(kept.held.slice(0, 2)).toEqual([9, 10]);
    expect(kept.held[2]).toBeLessThanOrEqual(5);
    for (const [step, values] of whole.given.entries())
      expect(largestDifference(kept.given[step]!, values)).toBeLessThan(1e-5);
    expect(tf.memory().numTensors - tensors).toBeLessThanOrEqual(2); // tables of rotations, which the model keeps
  });

  it('stays where a layer counts positions', async () => {
    const windowed = createModel({ config: { ...config, model_type: 'mistral', sliding_window: 8 }, seed: 5 });
    expect((await steps({ goes: true, own: windowed })).held).toEqual([9, 10, 11, 13, 14, 15]);
    windowed.dispose();
  });
});

it('as many columns stay in each row, padded on the left; less than half is not worth it', () => {
  const places = [Int32Array.of(0, 1, 2, 3, 4, 5), Int32Array.of(-1, -1, 0, 1, 2, 3)];
  const seen = [new Uint8Array(6).fill(1), Uint8Array.of(0, 0, 1, 1, 1, 1)];
  const below = (from: number) => (position: number) => position < from;
  expect(leftColumns({ left: [below(3), below(2)], places, seen })).toEqual([
    Int32Array.of(3, 4, 5),
    Int32Array.of(-1, 4, 5),
  ]);
  expect(leftColumns({ left: [below(2), below(2)], places, seen })).toBeNull();
  expect(leftColumns({ left: [below(3), null], places, seen })).toBeNull();
  // Columns that nothing sees whatever comes go too.
  seen[1]![5] = 0;
  expect(leftColumns({ left: [below(4), below(2)], places, seen })).toEqual([
    Int32Array.of(4, 5),
    Int32Array.of(-1, 4),
  ]);
});
