import { normalizeAnswer } from '@subtext/data';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { spacedDigits } from './exact-match';
import { numbersOf, sameNumber } from './numbers';
import { multipleChoiceLetter, yesOrNo, type Choices } from './multiple-choice';
import { entityRecall, namesOf, numberRecall } from './recall';
import { stripForScoring } from './strip-for-scoring';

/** Made by tooling/parity/make_answer_extraction_fixtures.py with VLMEvalKit's own functions. */
const fixture = JSON.parse(
  gunzipSync(readFileSync(new URL('../../fixtures/answer-extraction.json.gz', import.meta.url))).toString(),
) as {
  multipleChoice: { text: string; choices: Choices; letter: string | null }[];
  yesOrNo: { text: string; answer: string }[];
};

describe('answers by VLMEvalKit rules', () => {
  it('multiple choice', () => {
    const wrong = fixture.multipleChoice.filter(
      ({ text, choices, letter }) => multipleChoiceLetter({ text, choices }) !== letter,
    );
    expect(wrong).toEqual([]);
    const kinds = new Set(fixture.multipleChoice.map(({ letter }) => letter));
    expect([...kinds]).toEqual(expect.arrayContaining([null, 'A', 'B', 'Z']));
  });

  it('yes or no', () => {
    const wrong = fixture.yesOrNo.filter(({ text, answer }) => (yesOrNo(text) ?? 'Unknown') !== answer);
    expect(wrong).toEqual([]);
  });
});

describe('exact match', () => {
  it('compares numbers by value', () => {
    expect(sameNumber({ left: '1,200.50', right: '1200.5' })).toBe(true);
    expect(sameNumber({ left: '$7', right: '007' })).toBe(true);
    expect(sameNumber({ left: '12345678901234567890', right: '12345678901234567891' })).toBe(false);
    expect(sameNumber({ left: '1e3', right: '1000' })).toBe(true);
    expect(sameNumber({ left: '', right: '0' })).toBe(false);
    expect(sameNumber({ left: 'x', right: 'y' })).toBe(false);
  });

  it('joins spaced digits and normalises words', () => {
    expect(spacedDigits(' 5 5 6 0 ')).toBe('5560');
    expect(spacedDigits('5 + 6')).toBeNull();
    expect(normalizeAnswer('  Tom is a\n Lempus. ')).toBe('tom is a lempus');
  });
});

describe('recall', () => {
  it('reads numbers in every writing', () => {
    expect(numbersOf('It cost $1,200.50, or -3.0 or .5; x2 is none, 2024-05 is two, 007')).toEqual([
      '1200.5',
      '-3',
      '0.5',
      '2024',
      '5',
      '7',
    ]);
  });

  it('counts numbers as often as they stand', () => {
    expect(numberRecall({ hypothesis: '2 and 3', reference: '2, 2 and 3.0' })).toEqual({
      found: 2,
      total: 3,
      recall: 2 / 3,
      missing: ['2'],
    });
    expect(numberRecall({ hypothesis: '', reference: 'none' }).recall).toBeNull();
  });

  it('finds names by rule and given entities', () => {
    expect(namesOf('Natalia sold clips to Tom Smith. He met Natalia. Every day.')).toEqual(['Natalia', 'Tom Smith']);
    expect(
      entityRecall({
        hypothesis: 'two RED circles',
        reference: 'a red circle and a blue square',
        entities: ['red', 'circle', 'blue', 'square', 'green'],
      }),
    ).toEqual({
      found: 2,
      total: 4,
      recall: 0.5,
      missing: ['blue', 'square'],
    });
    expect(entityRecall({ hypothesis: 'a scarred encircled', reference: 'red', entities: ['red'] }).found).toBe(0);
  });
});

describe('stripForScoring', () => {
  it('takes off tags, tokens and one prefix', () => {
    const prefixes = ['The summary is', 'The summary is that'];
    expect(
      stripForScoring({
        text: '<SUMMARY> <THINKING_OF_SUMMARY_2> the summary is that: a  cat\n</SUMMARY><|eot_id|>',
        prefixes,
      }),
    ).toBe('a cat');
    expect(stripForScoring({ text: "It isn't there", prefixes: ['It is'] })).toBe("It isn't there");
    expect(stripForScoring({ text: '<pause><pause> 3 < 4 and 5 > 2' })).toBe('3 < 4 and 5 > 2');
    expect(stripForScoring({ text: '' })).toBe('');
  });
});
