import { tf, useEngine } from '@subtext/tensor';
import { beforeAll, expect, it } from 'vitest';

import { mastery, masteryOnEngine } from './mastery';

beforeAll(async () => {
  await useEngine({ engine: 'cpu' });
});

it('is the share of right ids among the highest logits, read or not', () => {
  const logits = tf.tensor2d([5, 4, 3, 2, 1, 2, 9, 9, 0, 1, 7, 0, 6, 5, 4], [3, 5]);
  const shown = {
    row: Int32Array.of(0, 2, 1),
    taken: Int32Array.of(2, 3, 1),
    acceptedIds: Int32Array.of(0, 3, 0, 2, 3, 1),
    acceptedStarts: Int32Array.of(0, 2, 5, 6),
    total: 4,
  };
  // One of two, three of three, one of one, over four in the whole step.
  const expected = (1 / 2 + 3 / 3 + 1 / 1) / 4;
  const before = tf.memory().numTensors;
  expect(mastery({ shown, logits })).toBeCloseTo(expected, 12);
  const found = masteryOnEngine({ shown, logits });
  expect(found.dataSync()[0]).toBeCloseTo(expected, 6);
  found.dispose();
  for (const nothing of [
    { ...shown, total: 0 },
    { ...shown, row: new Int32Array(0) },
  ]) {
    const none = masteryOnEngine({ shown: nothing, logits });
    expect([mastery({ shown: nothing, logits }), none.dataSync()[0]]).toEqual([0, 0]);
    none.dispose();
  }
  expect(tf.memory().numTensors).toBe(before);
  logits.dispose();
});
