import { RandomStream } from '@subtext/data';
import { describe, expect, it } from 'vitest';
import { renderReport } from '../report/render-report';
import { makeSampleRecord } from '../results/sample-record';
import { compareRuns } from './compare-runs';
import { comparisonMarkdown, comparisonSections, comparisonSentences } from './comparison-tables';

function run(name: string, accuracy: number, seed: number, options: { count?: number; question?: string } = {}) {
  const random = new RandomStream(seed, name);
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
  const result = compareRuns({ runs: [run('good|one', 0.9, 1), run('bad', 0.5, 2), run('also bad', 0.52, 3)], metric: 'exact_match', resamples: 500 });

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
    expect(sentences[0]).toMatch(/^good\|one is better than bad by [\d.]+ points \[[\d.]+, [\d.]+\] \(p < 0\.001 after Holm, 300 samples\)/);
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
      return { name, samples: base.samples.map((sample, index) => ({ ...sample, exact_match: 0.4 + shift + 0.1 * Math.sin(index) })) };
    };
    const { comparisons } = compareRuns({ runs: [soft('a', 0.1), soft('b', 0)], metric: 'exact_match', resamples: 200 });
    expect(comparisons[0]).toMatchObject({ mcnemar: null, significant: true });
  });

  it('refuses runs of other samples, and takes the shared ones when asked', () => {
    const runs = [run('a', 0.5, 1), run('b', 0.5, 2, { count: 200 })];
    expect(() => compareRuns({ runs, metric: 'exact_match' })).toThrowError(/share 200/);
    expect(compareRuns({ runs, metric: 'exact_match', onlyShared: true, resamples: 100 }).comparisons[0]?.count).toBe(200);
    expect(() => compareRuns({ runs: [run('a', 0.5, 1), run('b', 0.5, 2, { question: 'r' })], metric: 'exact_match' })).toThrowError(/different questions under the id "s0"/);
    expect(() => compareRuns({ runs: [run('a', 0.5, 1), run('b', 0.5, 2)], metric: 'f1' })).toThrowError(/no score "f1"/);
  });
});
