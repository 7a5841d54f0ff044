import { RandomStream } from '@subtext/data';
import { describe, expect, it } from 'vitest';
import { renderReport } from '../report/render-report';
import { makeSampleRecord } from '../results/sample-record';
import { compareMethods, methodMarkdown, methodSections, methodSentence } from './compare-methods';
import { compareRuns } from './compare-runs';
import { comparisonMarkdown, comparisonSections, comparisonSentences } from './comparison-tables';

function run(name: string, accuracy: number, seed: number, options: { count?: number; question?: string } = {}) {
  const random = new RandomStream({ seed, name });
  const samples = Array.from({ length: options.count ?? 300 }, (_, index) =>
    makeSampleRecord({
      index,
      id: `s${index}`,
      document: { question: `${options.question ?? 'q'}${index}` },
      target: 'a',
      prompt: 'p',
      output: 'o',
      extracted: 'o',
      scores: { exact_match: random.uniform() < accuracy ? 1 : 0 },
      generatedTokens: 12,
      generatedTokensWithoutTags: 7,
      thoughts: 2,
      forwardPasses: 12,
      seconds: 0.01,
    }),
  );
  return { name, samples };
}

describe('compareRuns', () => {
  const result = compareRuns({
    runs: [run('good|one', 0.9, 1), run('bad', 0.5, 2), run('also bad', 0.52, 3)],
    metric: 'exact_match',
    resamples: 500,
  });

  it('finds the difference that is there and none that is not', () => {
    expect(result.comparisons.map(({ left, right, significant }) => [left, right, significant])).toEqual([
      ['good|one', 'bad', true],
      ['good|one', 'also bad', true],
      ['bad', 'also bad', false],
    ]);
    const [first] = result.comparisons;
    expect(first?.difference.interval[0]).toBeGreaterThan(0.2);
    expect(first?.adjustedPValue).toBeGreaterThanOrEqual(first?.pValue as number);
    expect(result.runs[0]?.interval[0]).toBeLessThan(result.runs[0]?.mean as number);
  });

  it('says so in words, Markdown and HTML', () => {
    const sentences = comparisonSentences(result);
    expect(sentences[0]).toMatch(
      /^good\|one is better than bad: good\|one − bad is [\d.]+ points \[[\d.]+, [\d.]+\] \(p < 0\.001 after Holm, 300 samples\)/,
    );
    expect(sentences[2]).toMatch(/do not differ significantly/);
    const markdown = comparisonMarkdown(result);
    expect(markdown).toContain('| good\\|one | bad |');
    expect(markdown).toContain('not significant');
    const html = renderReport({ title: 'Comparison', summary: 's', sections: comparisonSections(result) });
    expect(html).toContain('not significant');
  });

  it('tests scores that are no zeros and ones by the bootstrap', () => {
    const soft = (name: string, shift: number) => {
      const base = run(name, 0.5, 1);
      return {
        name,
        samples: base.samples.map((sample, index) => ({ ...sample, exact_match: 0.4 + shift + 0.1 * Math.sin(index) })),
      };
    };
    const { comparisons } = compareRuns({
      runs: [soft('a', 0.1), soft('b', 0)],
      metric: 'exact_match',
      resamples: 200,
    });
    expect(comparisons[0]).toMatchObject({ mcnemar: null, significant: true });
  });

  it('says one thing in words, interval, sign and p, whatever the runs', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new RandomStream({ seed, name: 'cases' });
      const binary = seed % 3 !== 0;
      const runs = Array.from({ length: 2 + (seed % 3) }, (_, index) => {
        const base = run(`run ${index}`, 0.5 + 0.1 * random.uniform(-1, 1), seed * 10 + index, {
          count: 60 + seed * 3,
        });
        return binary
          ? base
          : {
              ...base,
              samples: base.samples.map((sample) => ({
                ...sample,
                exact_match: (sample.exact_match as number) * random.uniform(),
              })),
            };
      });
      const found = compareRuns({ runs, metric: 'exact_match', resamples: 400 });
      for (const [
        index,
        {
          difference: { value, interval },
          significant,
          adjustedPValue,
          left,
          right,
        },
      ] of found.comparisons.entries()) {
        const [low, high] = interval;
        expect(low <= value && value <= high).toBe(true);
        expect([seed, index, low > 0 || high < 0, adjustedPValue < 0.05]).toEqual([
          seed,
          index,
          significant,
          significant,
        ]);
        const sentence = comparisonSentences(found)[index]!;
        expect(
          sentence.startsWith(
            significant
              ? `${value > 0 ? left : right} is better than`
              : `${left} and ${right} do not differ significantly; either may be better`,
          ),
        ).toBe(true);
        expect(sentence).toContain(`${left} − ${right} is ${value < 0 && Math.abs(value) >= 0.0005 ? '−' : ''}`);
      }
      const row = comparisonMarkdown(found)
        .split('\n')
        .find((line) => line.startsWith('| run 0 | run 1 |'))!;
      expect(row.includes('not significant')).toBe(!found.comparisons[0]!.significant);
    }
  });

  it('refuses runs of other samples, and takes the shared ones when asked', () => {
    const runs = [run('a', 0.5, 1), run('b', 0.5, 2, { count: 200 })];
    expect(() => compareRuns({ runs, metric: 'exact_match' })).toThrowError(/share 200/);
    expect(compareRuns({ runs, metric: 'exact_match', onlyShared: true, resamples: 100 }).comparisons[0]?.count).toBe(
      200,
    );
    expect(() =>
      compareRuns({ runs: [run('a', 0.5, 1), run('b', 0.5, 2, { question: 'r' })], metric: 'exact_match' }),
    ).toThrowError(/different questions under the id "s0"/);
    expect(() => compareRuns({ runs: [run('a', 0.5, 1), run('b', 0.5, 2)], metric: 'f1' })).toThrowError(
      /no score "f1"/,
    );
  });
});

describe('compareMethods', () => {
  const seeds = (name: string, accuracies: readonly number[]) =>
    accuracies.map((accuracy, seed) => run(`${name}/${seed + 1}`, accuracy, seed, { count: 200 }));

  it('pairs runs by their place and tests over seeds', () => {
    const result = compareMethods({
      left: seeds('good', [0.95, 0.9, 0.92, 0.97]),
      right: seeds('bad', [0.5, 0.52, 0.45, 0.55]),
      metric: 'exact_match',
    });
    expect(result.comparison.seeds).toBe(4);
    expect(result.samples).toBe(200);
    const differences = result.left.map(({ mean }, seed) => mean - result.right[seed]!.mean);
    expect(result.comparison.difference).toBeCloseTo(differences.reduce((sum, value) => sum + value, 0) / 4, 12);
    expect(methodSentence(result)).toMatch(
      /^The first method is better than the second: first − second is 4\d\.\d points \[.*\] over 4 seeds \(paired t-test p < 0\.001, exact over signs p = 0\.125\)\.$/,
    );
    expect(methodMarkdown(result)).toContain('| good/1 | 9');
    expect(renderReport({ title: 't', summary: 's', sections: methodSections(result) })).toContain('bad/4');
  });

  it('finds no difference where seeds vary as much as methods, however many samples each has', () => {
    const result = compareMethods({
      left: seeds('a', [0.9, 0.5, 0.7]),
      right: seeds('b', [0.6, 0.8, 0.65]),
      metric: 'exact_match',
    });
    expect(methodSentence(result)).toMatch(/^The methods do not differ significantly/);
  });

  it('refuses runs that do not pair, and a single seed', () => {
    const two = seeds('a', [0.5, 0.6]);
    const metric = 'exact_match';
    expect(() => compareMethods({ left: two, right: seeds('b', [0.5]), metric })).toThrowError(
      expect.objectContaining({ code: 'length-mismatch' }),
    );
    expect(() => compareMethods({ left: seeds('a', [0.5]), right: seeds('b', [0.5]), metric })).toThrowError(
      /One seed says nothing/,
    );
    const other = [run('b/1', 0.5, 1, { count: 200 }), run('b/2', 0.5, 2, { count: 200, question: 'other ' })];
    expect(() => compareMethods({ left: two, right: other, metric })).toThrowError(
      expect.objectContaining({ code: 'unpaired-samples' }),
    );
  });
});
