import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { ageInWords } from '../../../tooling/results/age.mjs';
import { compareNumbers } from '../../../tooling/results/compare-numbers.mjs';
import { pagesWithoutNotice } from '../../../tooling/results/notices.mjs';
import { pagesOutOfDate } from '../../../tooling/results/pages.mjs';

describe('committed results', () => {
  const tolerances = { accuracy: 0.02, tokens: 0 };

  it('names every number that is not what the code gives', () => {
    const committed = {
      seconds: 9,
      methods: [
        { method: 'Heima', accuracy: 1, tokens: 16 },
        { method: 'Chain', accuracy: 0.99 },
      ],
    };
    expect(
      compareNumbers({
        committed,
        found: { seconds: 1, methods: [{ accuracy: 0.985, tokens: 16 }, { accuracy: 0.99 }] },
        tolerances,
      }),
    ).toEqual([]);
    expect(compareNumbers({ committed, found: { methods: [{ accuracy: 0.97, tokens: 17 }] }, tolerances })).toEqual([
      'methods.Heima.accuracy is 1, the code gives 0.97 (tolerance 0.02)',
      'methods.Heima.tokens is 16, the code gives 17 (tolerance 0)',
      'methods.Chain.accuracy is 0.99, and missing in what the code gives',
    ]);
  });

  it('has pages whose tables are those of the JSON files', () => {
    expect(pagesOutOfDate(fileURLToPath(new URL('../../../', import.meta.url)))).toEqual([]);
  });

  it('has pages with a place that says which code gave their numbers', () => {
    expect(pagesWithoutNotice(fileURLToPath(new URL('../../../', import.meta.url)))).toEqual([]);
  });

  it('says whether code changed since, and what was seen to be the same', () => {
    const file = 'docs/results/graphs.json';
    const age = { commit: '0123456789abcdef', date: '2026-01-02', changed: 3 };
    expect(ageInWords({ file, age })).toBe(
      '`graphs.json`: made with the code of 0123456 (2026-01-02); **code that it rests on has changed since**, and may give other numbers.',
    );
    expect(
      ageInWords({
        file,
        age: {
          ...age,
          changed: 0,
          confirmed: { commit: 'fedcba9876543210', what: 'the first steps end at the same bytes' },
        },
      }),
    ).toBe(
      '`graphs.json`: made with the code of 0123456 (2026-01-02); with that of fedcba9, the first steps end at the same bytes; nothing that it rests on has changed since fedcba9.',
    );
    expect(ageInWords({ file, age: undefined })).toBe('`graphs.json`: git cannot say of which commit.');
  });
});
