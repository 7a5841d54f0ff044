import { describe, expect, it } from 'vitest';

import { makeSampleRecord, type SampleRecord } from '../results/sample-record';
import { experimentMarkdown } from './experiment-markdown';
import { planExperiment } from './plan-experiment';
import { summarizeExperiment } from './summarize-experiment';

describe('planExperiment', () => {
  it('takes every combination of choices with every seed, in order, each with its settings', () => {
    const plan = planExperiment({
      axes: {
        'method.name': ['cot', 'pause'],
        size: { small: { model: { width: 8 } }, large: { defaults: 'large.yaml' } },
      },
      seeds: [1, 7],
    });
    expect(plan.map(({ name }) => name)).toEqual([
      'cot,small-1',
      'cot,small-7',
      'cot,large-1',
      'cot,large-7',
      'pause,small-1',
      'pause,small-7',
      'pause,large-1',
      'pause,large-7',
    ]);
    expect(plan[7]).toEqual({
      name: 'pause,large-7',
      cell: 'pause,large',
      choices: { 'method.name': 'pause', size: 'large' },
      seed: 7,
      settings: [{ method: { name: 'pause' } }, { defaults: 'large.yaml' }],
    });
    expect(planExperiment({ axes: { 'model.layers': [2, 3] }, seeds: [1] }).map(({ cell }) => cell)).toEqual([
      'layers=2',
      'layers=3',
    ]);
    expect(planExperiment({ axes: {}, seeds: [4] })).toEqual([
      { name: 'base-4', cell: 'base', choices: {}, seed: 4, settings: [] },
    ]);
  });

  it.each([
    [{ a: [] }, [1], /axes\.a: there is nothing/],
    [{ a: [1, 1] }, [1], /"a=1" stands there twice/],
    [{ a: [{ b: 1 }] }, [1], /needs a name/],
    [{ a: { '../up': {} } }, [1], /names a folder/],
    [{ a: ['x/y'] }, [1], /names a folder/],
    [{ a: { set: 3 } }, [1], /axes\.a\.set: must be a group/],
    [{}, [], /seeds: \[\]/],
    [{}, [1, 1], /seeds: \[1,1\]/],
    [{}, [0.5], /seeds: \[0\.5\]/],
  ])('refuses %j with seeds %j', (axes, seeds, message) => {
    expect(() => planExperiment({ axes: axes as Parameters<typeof planExperiment>[0]['axes'], seeds })).toThrow(
      message,
    );
  });
});

/** Samples that are right where the pattern has a 1. */
const samples = (pattern: string, prefix = 'q'): SampleRecord[] =>
  [...pattern].map((bit, index) =>
    makeSampleRecord({
      index,
      id: `${prefix}${index}`,
      document: { question: `${prefix}${index}` },
      target: 'a',
      prompt: 'p',
      output: 'o',
      extracted: 'o',
      scores: { exact_match: Number(bit) },
      unparseable: false,
      generatedTokens: 4,
      generatedTokensWithoutTags: 3,
      thoughts: 2,
      forwardPasses: 5,
      seconds: 0.1,
    }),
  );

describe('summarizeExperiment', () => {
  const runs = [
    { cell: 'cot', seed: 1, samples: samples('1111111110') },
    { cell: 'cot', seed: 2, samples: samples('1111111100') },
    { cell: 'none', seed: 1, samples: samples('1000000000') },
    { cell: 'none', seed: 2, samples: samples('1100000000') },
    { cell: 'alone', seed: 3, samples: samples('1111100000') },
  ];

  it('gives means and deviations over seeds, tests of models and of methods, each family corrected by Holm', () => {
    const { cells, comparisons } = summarizeExperiment({ runs, metric: 'exact_match' });
    expect(cells[0]).toMatchObject({ cell: 'cot', seeds: [1, 2], scores: [0.9, 0.8], failed: 0, thoughts: 2 });
    expect(cells[0]!.mean).toBeCloseTo(0.85, 12);
    // Of 0.9 and 0.8: 0.05 · √2.
    expect(cells[0]!.deviation).toBeCloseTo(0.070710678, 8);
    expect(cells[2]!.deviation).toBeNull();
    // "alone" shares no seed with the others.
    expect(comparisons.map(({ left, right }) => [left, right])).toEqual([['cot', 'none']]);
    const [{ models, method, difference }] = comparisons as [(typeof comparisons)[0]];
    expect(difference).toBeCloseTo(0.7, 12);
    // Only cot is right on 8, then 6 questions: exact McNemar gives 2 / 2^8 and 2 / 2^6; Holm doubles the smaller.
    const close = (value: number) => expect.closeTo(value, 10) as number;
    expect(models.map(({ pValue }) => pValue)).toEqual([close(2 / 256), close(2 / 64)]);
    expect(models.map(({ adjustedPValue }) => adjustedPValue)).toEqual([close(4 / 256), close(2 / 64)]);
    // Differences 0.8 and 0.6: t = 0.7 / 0.1 = 7 with one degree of freedom, p = 2 · atan(1 / 7) / π.
    expect(method!.statistic).toBeCloseTo(7, 8);
    expect(method!.pValue).toBeCloseTo((2 * Math.atan(1 / 7)) / Math.PI, 8);
    expect(method!.adjustedPValue).toBe(method!.pValue);
  });

  it('compares the pairs that are asked for, and refuses what cannot be compared', () => {
    const summary = summarizeExperiment({ runs, metric: 'exact_match', pairs: [['none', 'cot']] });
    expect(summary.comparisons[0]!.difference).toBeCloseTo(-0.7, 12);
    const sum = (options: Partial<Parameters<typeof summarizeExperiment>[0]>) => () =>
      summarizeExperiment({ runs, metric: 'exact_match', ...options });
    expect(sum({ runs: [] })).toThrow(/No run/);
    expect(sum({ pairs: [['cot', 'nothing']] })).toThrow(/no finished "nothing"/);
    expect(sum({ runs: [...runs, { cell: 'odd', seed: 1, samples: samples('1111111111', 'x') }] })).toThrow(
      /odd \(seed 1\) answered other questions/,
    );
    expect(sum({ metric: 'bleu' })).toThrow(/no score "bleu"/);
  });

  it('is written as tables; one seed cannot tell methods apart', () => {
    // Numbers and their units are kept on one line by a space that does not break.
    const table = (of: typeof runs) =>
      experimentMarkdown({ summary: summarizeExperiment({ runs: of, metric: 'exact_match' }) })
        .replaceAll('\u00a0', ' ')
        .replaceAll('\u202f', ' ');
    const text = table(runs.filter(({ seed }) => seed === 1));
    expect(text).toContain('| cot | 90.0 % | 1 | 90.0 % |');
    expect(text).toMatch(/\| cot − none \| 80\.0 % \| 0\.008 \| – \| – \| – \| cannot tell: one seed \|/);
    expect(table(runs)).toContain('| cot | 85.0 % ± 7.1 % | 1, 2 | 90.0 %, 80.0 % |');
  });
});
