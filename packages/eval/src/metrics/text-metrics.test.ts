import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { corpusBleu, sentenceBleu, type BleuSmoothing } from './bleu';
import { corpusChrf, sentenceChrf } from './chrf';
import { meteor } from './meteor';
import { porterStem } from './porter-stemmer';
import { rouge } from './rouge';

/** Made by tooling/parity/make_text_metric_fixtures.py with sacrebleu, nltk and google's rouge-score. */
const fixture = JSON.parse(
  gunzipSync(readFileSync(new URL('../../fixtures/text-metrics.json.gz', import.meta.url))).toString(),
) as {
  pairs: { hypothesis: string; reference: string; bleu: number[]; chrf: number[]; rouge: number[]; meteor: number }[];
  corpora: {
    start: number;
    end: number;
    bleu: Record<string, number>;
    bleuTwo: Record<string, number>;
    floorHalf: number;
    chrf: number;
    chrfTwo: number;
  }[];
  stems: Record<string, string>;
};
const smoothings: [theirs: string, ours: BleuSmoothing][] = [
  ['exp', 'exponential'],
  ['floor', 'floor'],
  ['add-k', 'add-k'],
  ['none', 'none'],
];

/** Collects every difference above 1e-6, so that a failure names the pairs. */
function differences(compute: (pair: (typeof fixture.pairs)[number]) => [computed: number[], expected: number[]]) {
  return fixture.pairs.flatMap((pair, index) => {
    const [computed, expected] = compute(pair);
    expect(computed).toHaveLength(expected.length);
    const wrong = computed.some((value, column) => !(Math.abs(value - (expected[column] as number)) <= 1e-6));
    return wrong ? [{ index, ...pair, computed, expected }] : [];
  });
}

describe('text metrics equal the originals', () => {
  it('has enough pairs to say so', () => {
    expect(fixture.pairs.length).toBeGreaterThanOrEqual(200);
  });

  it('sentence BLEU, every smoothing', () => {
    expect(
      differences(({ hypothesis, reference, bleu }) => {
        const references = [reference];
        const score = (options: object) => sentenceBleu({ hypothesis, references, ...options }).score;
        return [
          [
            ...smoothings.map(([, smoothing]) => score({ smoothing })),
            score({ effectiveOrder: false }),
            score({ effectiveOrder: false, smoothing: 'floor' }),
            score({ lowercase: true }),
          ],
          bleu,
        ];
      }),
    ).toEqual([]);
  });

  it('sentence chrF, chrF++ and with white space', () => {
    expect(
      differences(({ hypothesis, reference, chrf }) => {
        const references = [reference];
        return [
          [{}, { wordOrder: 2 }, { lowercase: true, whitespace: true, beta: 1 }].map((options) =>
            sentenceChrf({ hypothesis, references, ...options }),
          ),
          chrf,
        ];
      }),
    ).toEqual([]);
  });

  it('ROUGE-1, ROUGE-2 and ROUGE-L, with and without stemmer', () => {
    expect(
      differences(({ hypothesis, reference, rouge: expected }) => [
        [false, true].flatMap((stemmer) => {
          const scores = rouge({ hypothesis, reference, stemmer });
          return [scores.rouge1, scores.rouge2, scores.rougeL].flatMap((score) => [
            score.precision,
            score.recall,
            score.fMeasure,
          ]);
        }),
        expected,
      ]),
    ).toEqual([]);
  });

  it('METEOR, exact and stem stages', () => {
    expect(
      differences(({ hypothesis, reference, meteor: expected }) => [
        [meteor({ hypothesis, references: [reference] })],
        [expected],
      ]),
    ).toEqual([]);
  });

  it('corpus BLEU and chrF, one reference and two', () => {
    for (const corpus of fixture.corpora) {
      const pairs = fixture.pairs.slice(corpus.start, corpus.end);
      const hypotheses = pairs.map((pair) => pair.hypothesis);
      const one = pairs.map((pair) => [pair.reference]);
      const two = pairs.map((pair, index) => [
        pair.reference,
        (pairs[(index + 1) % pairs.length] as { reference: string }).reference,
      ]);
      for (const [theirs, smoothing] of smoothings) {
        expect(corpusBleu({ hypotheses, references: one, smoothing }).score).toBeCloseTo(
          corpus.bleu[theirs] as number,
          6,
        );
        expect(corpusBleu({ hypotheses, references: two, smoothing }).score).toBeCloseTo(
          corpus.bleuTwo[theirs] as number,
          6,
        );
      }
      expect(corpusBleu({ hypotheses, references: one, smoothing: 'floor', smoothingValue: 0.5 }).score).toBeCloseTo(
        corpus.floorHalf,
        6,
      );
      expect(corpusChrf({ hypotheses, references: one })).toBeCloseTo(corpus.chrf, 6);
      expect(corpusChrf({ hypotheses, references: two, wordOrder: 2 })).toBeCloseTo(corpus.chrfTwo, 6);
    }
  });

  it('Porter stems', () => {
    const wrong = Object.entries(fixture.stems).filter(([word, stem]) => porterStem(word) !== stem);
    expect(wrong.map(([word, stem]) => ({ word, stem, ours: porterStem(word) }))).toEqual([]);
    expect(Object.keys(fixture.stems).length).toBeGreaterThan(800);
  });

  it('refuses what does not pair', () => {
    expect(() => corpusBleu({ hypotheses: [], references: [] })).toThrowError(
      expect.objectContaining({ code: 'empty-set' }),
    );
    expect(() => corpusBleu({ hypotheses: ['a'], references: [] })).toThrowError(
      expect.objectContaining({ code: 'length-mismatch' }),
    );
    expect(() => sentenceChrf({ hypothesis: 'a', references: [] })).toThrowError(/has no reference/);
  });
});
