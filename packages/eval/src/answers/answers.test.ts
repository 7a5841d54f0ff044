import { describe, expect, it } from 'vitest';
import { multipleChoiceLetter } from '../metrics/multiple-choice';
import { numbersOf, sameNumber } from '../metrics/numbers';
import { findTask } from '../tasks/registry';
import { boxedAnswer, markedAnswer } from './answer-marks';
import { choiceAnswer, wordAnswer, yesOrNoAnswer } from './choice-answer';
import { finalAnswer } from './final-answer';
import { numberAnswer } from './number-answer';

describe('numbers that outputs of plain models answer with', () => {
  it.each([
    // Marks, and Markdown that begins as they do.
    ['48 / 2 = 24\n#### 72', '72'],
    ['48 / 2 = 24 #### 72', '72'],
    ['####72', '72'],
    ['48/2=24\n### 24', '24'],
    ['#### **$72**', '72'],
    ['#### $\\boxed{72}$', '72'],
    ['### Step 1: halve\n48 / 2 = 24.\n### Step 2: add\n48 + 24 = 72 clips.', '72'],
    ['### 1. Halve\n48 / 2 = 24.\n### 2. Add\nIt is 72 in all.\n', '72'],
    ['#### Step 1\n3 + 4 = 7\n#### Step 2\n7 + 5 = 12', '12'],
    ['# Solution for 5 clips\n\n## Part 2\nThey are 72.', '72'],
    ['1. Take 5.\n2. Add 7.\n3. That is 12.', '12'],
    ['5 + 13.\n\n## Total: 18', '18'],
    ['It must be 72 # checked', '72'],
    ['Room #7 costs $5, room #8 costs $7: $12 together.', '12'],
    // Boxes and announcements.
    ['5 + 7 = 12, and there are 3 boxes: \\boxed{12}. Checked 2 times.', '12'],
    ['\\[\\boxed{x = \\text{12 apples}}\\]', '12'],
    ['\\boxed{1{,}200}', '1200'],
    ['\\boxed{\\$ 1\\,200}', '1200'],
    ['\\boxed{\\frac{3}{4}}', '3/4'],
    ['The answer is 18. She works 7 days a week.', '18'],
    ['**Final answer:** $18 (for 2 days)', '18'],
    ['## Answer\n\n18 dollars\n\n## Why\n9 * 2 is what 2 days make.', '18'],
    ['The answer is 5 + 7 = 12.', '12'],
    ['Answer: 48 clips were sold in April.\nIn May it was half of that.\nTogether 72.', '72'],
    // Another question of the model's own.
    ['9 + 9 = 18\n#### 18\n\nQuestion: And 2 and 1?\nAnswer: 3\n#### 3', '18'],
    ['That makes 18.\n\nQ: What is 2 + 1?\nA: 3', '18'],
    ['That makes 18.\n\n### Question 2: What is 2 + 1?\nIt is 3.', '18'],
    ['That makes 18.<|im_start|>user\nWhat is 4 + 1?', '18'],
    ['Question: What is 9 + 9?\nIt is 18.\nQuestion: What is 1 + 1?\n2', '18'],
    ['<think>3 or 4?</think>It is 18.', '18'],
    ['<think>3 or 4? I', null],
    // Signs, currencies, separators, per cent.
    ['#### -$5', '-5'],
    ['#### $-5', '-5'],
    ['#### −5', '-5'],
    ['#### - $5', '-5'],
    ['#### -€1.234,5', '-1.234'],
    ['so he lost -£1,234.50', '-1234.5'],
    ['so it is US$-7', '-7'],
    ['16-$7 leaves $9', '9'],
    ['from 10–18', '18'],
    ['#### 1,200,000', '1200000'],
    ['#### 12,34,567', '1234567'],
    ['#### 1 200', '1200'],
    ['so 1\u202f200 in all', '1200'],
    ['about 45%', '45'],
    ['1.5e3 grams', '1500'],
    ['an area of 18 m^2', '18'],
    ['#### 18.00.', '18'],
    ['#### unknown', null],
    ['no number', null],
    ['<CONCLUSION> 18 dollars in 2 days </CONCLUSION>', '18'],
    ['<SUMMARY> 18', null],
  ])('%j gives %j', (output, expected) => {
    expect(numberAnswer(output)).toBe(expected);
  });

  it('reports the harness’s own filters beside it', () => {
    const example = { id: '1', question: 'q', steps: [], answer: '18' };
    const scores = (output: string) =>
      findTask('gsm8k').filters!.map((filter) => [filter.name, filter.score({ output, example })]);
    expect(scores('9 + 9 = 18\n#### 18\n\nQuestion: 1 + 2?\n#### 3')).toEqual([
      ['strict-match', { extracted: '18', correct: true }],
      ['flexible-extract', { extracted: '18', correct: true }],
    ]);
    expect(scores('It is $18. She has 2.')).toEqual([
      ['strict-match', { extracted: null, correct: false }],
      ['flexible-extract', { extracted: '2.', correct: false }],
    ]);
    expect(scores('#### 1,8')).toEqual([
      ['strict-match', { extracted: '1,8', correct: true }],
      ['flexible-extract', { extracted: '1,8', correct: true }],
    ]);
  });

  it('finds the same value in any writing', () => {
    for (const [one, other] of [
      ['-$5', '$-5'],
      ['−5', '-5'],
      ['50%', '50'],
      ['1,200', '1200.0'],
      ['1e3', '1000'],
      ['3/4', '0.75'],
      ['1.5e-3', '0.0015'],
      ['€ 7', '7'],
      ['-0', '0'],
      ['.5', '0.50'],
    ] as const)
      expect([one, other, sameNumber({ left: one, right: other })]).toEqual([one, other, true]);
    for (const [one, other] of [
      ['5', '-5'],
      ['', '0'],
      ['x', 'y'],
      ['12345678901234567890', '12345678901234567891'],
      ['1/0', '1/0'],
      ['1.2.3', '1.2.3'],
      ['3/4', '0.76'],
      ['NaN', 'NaN'],
      ['Infinity', 'Infinity'],
    ] as const)
      expect([one, other, sameNumber({ left: one, right: other })]).toEqual([one, other, false]);
    expect(numbersOf('-$5, $-6, 7-8, x9, 10^2, v1.2.3')).toEqual(['-5', '-6', '7', '8', '10']);
  });
});

describe('options that outputs choose', () => {
  const choices = { A: 'a circle', B: 'a square', C: 'two lines', D: 'nothing' };
  const long =
    'The picture shows an object whose four sides have one length and whose corners are right angles, which is neither of the others that are given in the list of options above.';
  it.each([
    [`**Answer: B**\n\n# Explanation\n${long}`, 'B'],
    [`## Answer\n\nB\n\n## Explanation\n${long} A circle is round.`, 'B'],
    [`### Answer: (B) a square\n\n${long}`, 'B'],
    [`# Analysis\n${long}\n\n# Final Answer\n**B) a square**`, 'B'],
    [`${long}\n\\boxed{\\text{B}}\n${long}`, 'B'],
    [`B. a square\n\n${long} Option A is wrong.`, 'B'],
    [`(b)\n\n${long}`, 'B'],
    [`${long}\n\nThe correct option is B.\n\n${long}`, 'B'],
    [`${long} A or C? No.\n\nb) a square`, 'B'],
    [`${long}\n\nAnswer: a square\n\n${long}`, 'B'],
    [`Options A and C are out. ${long}\nAnswer: B – a square`, 'B'],
    [`${long}\n\nAnswer: A square it is not, ${long}`, null],
    [`${long}\n\nA dog is there, and it runs about in the whole of it.`, null],
    [`B\n\nQuestion: And now?\nA`, 'B'],
    [`<think>A? C?</think>B`, 'B'],
    [`${long}\n\nAnswer: E`, null],
    ['Cannot determine the answer', null],
    [null, null],
  ])('%j gives %j', (output, expected) => {
    expect(choiceAnswer({ output, choices })).toBe(expected);
  });

  it('gives what VLMEvalKit’s rules give wherever they give an option', () => {
    for (const text of [
      'the answer is a dog',
      'B',
      'I think it is B.',
      'It is a square',
      'The answer is **B**',
      'A and then C and so on it is',
    ]) {
      const letter = multipleChoiceLetter({ text, choices });
      if (letter !== null) expect([text, choiceAnswer({ output: text, choices })]).toEqual([text, letter]);
    }
    expect(choiceAnswer({ output: 'the answer is a dog', choices })).toBe('A');
  });

  it('reads words that are told among others', () => {
    expect(
      wordAnswer({
        output: '### Is it true or false?\nIt follows.\n\n**Answer:** True\n\nIt can not be false.',
        words: ['True', 'False'],
      }),
    ).toBe('True');
    expect(wordAnswer({ output: 'true or false', words: ['True', 'False'] })).toBeNull();
    expect(yesOrNoAnswer('## Answer\n**Yes**\n\n## Why\nThere is no other.')).toBe('Yes');
    expect(yesOrNoAnswer('yes and no')).toBeNull();
  });
});

describe('final answers in words', () => {
  it.each([
    ['Every a is a b.\n### Tom is a b', 'Tom is a b'],
    ['# 1\n### 2', '2'],
    ['### Step 1: look\nThere is a red circle.\n### Answer\nred', 'red'],
    ['The answer is **red**. It is at the top.', 'red.'],
    ['**Answer:** red\n\nIt is at the top.', 'red'],
    ['So \\boxed{\\text{red}} it is.', 'red'],
    ['red\n\nQuestion: And below?\nAnswer: blue', 'red'],
    ['red', 'red'],
    [' plain <|eot_id|>', 'plain'],
    ['<CONCLUSION> a </CONCLUSION> <CONCLUSION> b', 'b'],
    ['<CAPTION> no end', null],
    ['<CONCLUSION> </CONCLUSION>', null],
    ['#### red\n\nThat is all.', 'red'],
  ])('%j gives %j', (output, expected) => {
    expect(finalAnswer(output)).toBe(expected);
  });

  it('takes marks and boxes apart', () => {
    expect(markedAnswer('## 5\n# 6')).toBeNull();
    expect(markedAnswer('##### 5')).toBeNull();
    expect(boxedAnswer('\\boxed{a{b}c} and \\boxed{\\frac{1}{2}}')).toBe('\\frac{1}{2}');
    expect(boxedAnswer('\\boxed{open')).toBe('open');
    expect(boxedAnswer('none')).toBeNull();
  });

  it('takes long outputs in a moment', () => {
    const begun = performance.now();
    for (const piece of [
      '# ',
      '#',
      '\n',
      ' ',
      '**',
      '\\boxed{',
      '{',
      'Answer: ',
      'answer is ',
      '1,',
      '-',
      '1 ',
      '\\frac{',
      '. ',
    ]) {
      const output = piece.repeat(20_000 / piece.length);
      numberAnswer(output);
      choiceAnswer({ output, choices: { A: 'a', B: 'b' } });
      finalAnswer(output);
    }
    expect(performance.now() - begun).toBeLessThan(3000);
  });
});
