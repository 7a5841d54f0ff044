import { expect, test } from 'vitest';
import { questionOnlyBaseline } from './question-only-baseline';

const asked = (question: string, answer: string, category?: string) => ({
  question,
  answer,
  ...(category === undefined ? {} : { category }),
});

test('looks up the question, then the category, then the whole set', () => {
  const train = [
    asked('a', '1', 'x'),
    asked('a', '1', 'x'),
    asked('a', '2', 'x'),
    asked('b', '2', 'x'),
    asked('b', '2', 'x'),
    asked('c', '3', 'y'),
  ];
  const baseline = questionOnlyBaseline({
    train,
    heldOut: [
      asked('a', '1', 'x'),
      asked('a', '2', 'x'),
      asked('b', '2', 'x'),
      asked('new', '2', 'x'),
      asked('new', '3', 'y'),
      asked('new', '2', 'z'),
    ],
  });
  // 'a' → 1 (right once of twice), 'b' → 2, an unseen question of x → 2, of y → 3, of an unseen category → 2.
  expect(baseline).toEqual({
    examples: 6,
    right: 5,
    accuracy: 5 / 6,
    byCategory: {
      x: { examples: 4, right: 3, accuracy: 3 / 4 },
      y: { examples: 1, right: 1, accuracy: 1 },
      z: { examples: 1, right: 1, accuracy: 1 },
    },
  });
});

test('a set whose questions give everything away scores 1, and empty sets score 0', () => {
  const told = Array.from({ length: 10 }, (_, index) => asked(`q${index}`, `a${index}`));
  expect(questionOnlyBaseline({ train: told, heldOut: told }).accuracy).toBe(1);
  expect(questionOnlyBaseline({ train: [], heldOut: told })).toMatchObject({ examples: 10, right: 0, accuracy: 0 });
  expect(questionOnlyBaseline({ train: told, heldOut: [] })).toMatchObject({ examples: 0, accuracy: 0 });
});
