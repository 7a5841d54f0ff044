import { tf, useEngine } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

import { keyValueLoss, type KeyValuePart } from './key-value-loss';
import { keptPositions } from './kept-positions';

beforeAll(async () => {
  // Finite differences want the engine whose rounding is that of single numbers.
  await useEngine({ engine: 'cpu' });
});

/** Of one head, keys by position. */
const oneHead = (keys: number[][]) => tf.tensor4d(keys.flat(), [1, keys.length, 1, keys[0]!.length]);

describe('positions that are kept', () => {
  // Three keys in one direction, one across: cosines 1 among the three, 0 with the fourth.
  const keys = [
    [1, 0],
    [2, 0],
    [0, 3],
    [4, 0],
  ];
  const kept = (importance: number, slots: number, attention = [0.1, 0.2, 0.1, 0.6], mask = [1, 1, 1, 1]) =>
    tf.tidy(() =>
      Array.from(
        keptPositions({
          keys: oneHead(keys),
          attention: tf.tensor3d(attention, [1, 1, 4]),
          mask: tf.tensor2d(mask, [1, 4]),
          slots,
          importance,
        }).dataSync(),
      ),
    );

  it('are those of the highest score, in their order', () => {
    // By attention alone 3, then 1; by redundancy alone 2, whose mean cosine is 0 beside 2/3.
    expect(kept(1, 2)).toEqual([1, 3]);
    expect(kept(0, 1)).toEqual([2]);
    // R = softmax(2/3, 2/3, 0, 2/3) = (0.285, 0.285, 0.146, 0.285). λ = 1/2: scores ½ I − ½ R are −0.093, −0.043, −0.023, 0.157.
    expect(kept(0.5, 1)).toEqual([3]);
    expect(kept(0.5, 2)).toEqual([2, 3]);
    expect(kept(0.5, 3)).toEqual([1, 2, 3]);
  });

  it('are of the chain alone: padding is neither kept nor compared with', () => {
    // Without the last key the mean cosines are ½, ½, 0; what is looked at beyond the chain does not count.
    expect(kept(1, 2, [0.2, 0.1, 0.3, 9], [1, 1, 1, 0])).toEqual([0, 2]);
    expect(kept(0, 3, [0, 0, 0, 1], [1, 1, 1, 0])).toEqual([0, 1, 2]);
    expect(kept(0, 1, [0, 0, 0, 0], [1, 0, 0, 0])).toEqual([0]);
  });

  it('are each head’s own', () => {
    const found = tf.tidy(() =>
      keptPositions({
        keys: tf.ones([1, 3, 2, 2]),
        attention: tf.tensor3d([0.1, 0.2, 0.7, 0.7, 0.2, 0.1], [1, 2, 3]),
        mask: tf.ones([1, 3]),
        slots: 1,
        importance: 1,
      }).arraySync(),
    );
    expect(found).toEqual([[[2], [0]]]);
  });
});

describe('the distance of keys and values', () => {
  const [examples, heads, headWidth, time, slots] = [2, 2, 2, 5, 2];
  const width = heads * headWidth;
  const part: KeyValuePart = {
    slots,
    thoughtRows: Int32Array.of(1, 2, 4 + 1, 4 + 2),
    chainLength: 3,
    // The second chain has two positions.
    chainRows: Int32Array.of(1, 2, 3, 5 + 1, 5 + 2, 5 + 1),
    chainMask: Float32Array.of(1, 1, 1, 1, 1, 0),
    answerShares: Float32Array.of(0, 0, 0, 0.5, 0.5, 0, 0, 0, 1, 0),
  };
  const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1.5, 'float32', seed);
  const layer = (rows: number, seed: number) => ({
    key: random([rows, width], seed) as tf.Tensor2D,
    value: random([rows, width], seed + 1) as tf.Tensor2D,
  });
  const open = () => ({
    own: [layer(8, 1), layer(8, 3)],
    teacher: [layer(10, 5), layer(10, 7)],
    // Four query heads, of which two share a head of keys.
    attentions: [11, 12].map((seed) => tf.softmax(random([examples, 4, time, time], seed)) as tf.Tensor4D),
    heads,
    part,
    importance: 0.5,
    exampleWeight: 1 / examples,
  });

  it.each(['smooth-l1', 'l1', 'mse'] as const)('is the mean of (s − t) / σ by %s over all that is kept', (distance) => {
    const given = open();
    const found = tf.tidy(() => keyValueLoss({ ...given, distance }).dataSync()[0]!);
    let expected = 0;
    for (const [index, { key, value }] of given.teacher.entries()) {
      const attention = given.attentions[index]!.arraySync();
      const keys = key.arraySync();
      const ofHead = (row: readonly number[], head: number) => row.slice(head * headWidth, (head + 1) * headWidth);
      const kept = [0, 1].map((example) =>
        [0, 1].map((head) => {
          const chain = [...part.chainRows.slice(3 * example, 3 * example + 3 - example)];
          const looked = chain.map((row) => {
            let sum = 0;
            for (const query of [2 * head, 2 * head + 1])
              for (let from = 0; from < time; from++)
                sum +=
                  (part.answerShares[example * time + from]! *
                    attention[example]![query]![from]![row - example * time]!) /
                  2;
            return sum;
          });
          const all = looked.reduce((sum, one) => sum + one, 0);
          const vectors = chain.map((row) => ofHead(keys[row]!, head));
          const cosine = (one: number[], other: number[]) =>
            one.reduce((sum, number, place) => sum + number * other[place]!, 0) /
            (Math.hypot(...one) * Math.hypot(...other));
          const repeats = vectors.map((one) => {
            const others = vectors.filter((other) => other !== one);
            return Math.exp(others.reduce((sum, other) => sum + cosine(one, other), 0) / others.length);
          });
          const total = repeats.reduce((sum, one) => sum + one, 0);
          const scores = looked.map((one, place) => 0.5 * (one / all) - (0.5 * repeats[place]!) / total);
          return [...chain.keys()]
            .sort((one, other) => scores[other]! - scores[one]!)
            .slice(0, slots)
            .sort((one, other) => one - other)
            .map((place) => chain[place]!);
        }),
      );
      for (const [taught, from] of [
        [given.own[index]!.key, key],
        [given.own[index]!.value, value],
      ] as const) {
        const pairs = [0, 1].flatMap((example) =>
          [0, 1].flatMap((head) =>
            kept[example]![head]!.flatMap((row, slot) => {
              const target = ofHead(from.arraySync()[row]!, head);
              const thought = ofHead(taught.arraySync()[part.thoughtRows[example * slots + slot]!]!, head);
              return target.map((number, place) => [thought[place]!, number] as const);
            }),
          ),
        );
        const mean = pairs.reduce((sum, [, target]) => sum + target, 0) / pairs.length;
        const deviation = Math.sqrt(pairs.reduce((sum, [, target]) => sum + (target - mean) ** 2, 0) / pairs.length);
        for (const [thought, target] of pairs) {
          const size = Math.abs(thought - target) / deviation;
          const smooth = size < 1 ? size ** 2 / 2 : size - 0.5;
          expected += { 'smooth-l1': smooth, l1: size, mse: size ** 2 }[distance] / pairs.length / 4;
        }
      }
    }
    expect(found).toBeCloseTo(expected, 4);
    tf.dispose([given.own, given.teacher, given.attentions]);
  });

  it('has the gradient of finite differences in the thoughts, and none in the teacher', () => {
    const given = open();
    const own = given.own[0]!.key;
    const loss = (key: tf.Tensor): tf.Scalar =>
      keyValueLoss({
        ...given,
        own: [{ ...given.own[0]!, key: key as tf.Tensor2D }, given.own[1]!],
        distance: 'smooth-l1',
      });
    const gradient = tf.tidy(() => tf.grad(loss)(own).dataSync() as Float32Array);
    const values = own.dataSync() as Float32Array;
    const step = 1e-2;
    const moved = (index: number, by: number) =>
      tf.tidy(
        () =>
          loss(
            tf.tensor(
              values.map((value, place) => (place === index ? value + by : value)),
              own.shape,
            ),
          ).dataSync()[0]!,
      );
    expect(Math.max(...gradient)).toBeGreaterThan(0);
    for (const index of values.keys())
      expect((moved(index, step) - moved(index, -step)) / (2 * step)).toBeCloseTo(gradient[index]!, 3);
    // The first row is no thought's.
    expect([...gradient.subarray(0, width)].every((value) => value === 0)).toBe(true);
    // Nothing leads from the teacher's keys to the loss.
    const ofTeacher = (key: tf.Tensor): tf.Scalar =>
      keyValueLoss({
        ...given,
        teacher: [{ ...given.teacher[0]!, key: key as tf.Tensor2D }, given.teacher[1]!],
        distance: 'smooth-l1',
      });
    expect(() => tf.grad(ofTeacher)(given.teacher[0]!.key)).toThrow(/Cannot compute gradient/);
    tf.dispose([given.own, given.teacher, given.attentions]);
  });
});
