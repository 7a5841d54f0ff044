import type { ReasoningExample } from '@subtext/data';
import { describe, expect, it } from 'vitest';

import { chooseEdits } from './choose-edits';

const caption = (words: readonly string[]) =>
  ['top-left', 'top-right', 'bottom-left', 'bottom-right']
    .map((place, cell) => `in the ${place} there is a ${words[cell]!} .`)
    .join(' ');
const words = ['red circle', 'blue square', 'green triangle', 'white cross'];
const example: ReasoningExample = {
  id: 'one',
  question: 'start at the top-left , go right , then stay put . what shape is there ?',
  steps: [{ name: 'caption', text: caption(words) }],
  answer: 'square',
  category: 'walk-shape',
  facts: {
    kind: 'scene',
    rows: 2,
    columns: 2,
    objects: words.map((one, cell) => {
      const [colour, shape] = one.split(' ') as [string, string];
      return { place: ['top-left', 'top-right', 'bottom-left', 'bottom-right'][cell]!, colour, shape };
    }),
  },
};

describe('chooseEdits', () => {
  it('changes one fact on which the answer depends, and one on which it does not', () => {
    const of = (seed: number) => chooseEdits({ examples: [example], rows: [0], stage: 'caption', seed });
    const texts = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const { edit, changing, sparing } = of(seed);
      expect(edit).toBe('one fact');
      expect([changing.length, sparing.length]).toEqual([1, 1]);
      expect(changing[0]!.answer).not.toBe('square');
      expect(changing[0]!.text).toBe(caption(['red circle', `blue ${changing[0]!.answer}`, ...words.slice(2)]));
      expect(sparing[0]!.answer).toBe('square');
      expect(sparing[0]!.text).toContain(' square .');
      texts.add(sparing[0]!.text);
    }
    expect(texts.size).toBeGreaterThan(5);
    expect(of(3)).toEqual(of(3));
  });

  it('takes another example’s words where facts are not known, and only ones from which another answer follows', () => {
    const examples = ['3', '3', '5', '7'].map((answer, index): ReasoningExample => ({
      id: `${index}`,
      question: 'which ?',
      steps: index === 3 ? [] : [{ text: `it is ${answer}` }],
      answer,
    }));
    const { edit, changing, sparing } = chooseEdits({
      examples,
      rows: [0, 1, 2, 3],
      stage: 'step_1',
      counterfactual: ({ partner }) => partner.answer,
    });
    expect(edit).toBe('another example’s words');
    expect(sparing).toEqual([]);
    expect(changing.map(({ row }) => row).sort()).toEqual([0, 1, 2, 3]);
    for (const { row, text, answer } of changing) {
      expect(text).toBe(`it is ${answer}`);
      expect(answer).not.toBe(examples[row]!.answer);
      expect(answer).not.toBe('7'); // whose chain has no such step
    }
    expect(chooseEdits({ examples, rows: [0, 2], stage: 'step_1' })).toMatchObject({ changing: [], sparing: [] });
  });
});
