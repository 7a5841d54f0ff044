import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { budgetOf, overBudget, type PackageSizes } from '../../../tooling/rehearsal/budget.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const budget = JSON.parse(readFileSync(join(root, 'tooling/rehearsal/budget.json'), 'utf8')) as Record<
  string,
  PackageSizes
>;

describe('the budget of packages', () => {
  it('leaves a tenth of room, in two figures', () => {
    expect(budgetOf({ b: { tarball: 1234, installed: 9 }, a: { tarball: 100, installed: 64_000 } })).toEqual({
      a: { tarball: 110, installed: 71_000 },
      b: { tarball: 1400, installed: 10 },
    });
  });

  it('names what is larger, and what has none', () => {
    const measured = { a: { tarball: 120, installed: 70 }, c: { tarball: 1, installed: 1 } };
    expect(overBudget({ budget: { a: { tarball: 110, installed: 70 } }, measured })).toEqual([
      'a: tarball of 120 kB, more than 110 kB',
      'c has no budget: run the rehearsal with --write-budget',
    ]);
  });

  it('has every package, and no other', () => {
    const names = ['packages', 'apps'].flatMap((group) =>
      readdirSync(join(root, group)).map(
        (name) => (JSON.parse(readFileSync(join(root, group, name, 'package.json'), 'utf8')) as { name: string }).name,
      ),
    );
    expect(Object.keys(budget)).toEqual(names.sort());
  });
});
