import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { compareNumbers } from '../../../tooling/results/compare-numbers.mjs';
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
});
