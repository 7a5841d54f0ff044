import { describe, expect, it } from 'vitest';

import { gsm8k } from '../tasks/gsm8k';
import { scenes } from '../tasks/scenes';
import { chooseFilters } from './choose-filters';

const filtersOf = (names: readonly string[]) =>
  chooseFilters({ loaded: [{ task: gsm8k }, { task: scenes }], names }).map(({ task }) =>
    task.filters?.map(({ name }) => name),
  );

describe('chooseFilters', () => {
  it('leaves the named filters of each task that has them, and its own rule', () => {
    const all = gsm8k.filters!.map(({ name }) => name);
    expect(all).toHaveLength(2);
    expect(filtersOf(all)).toEqual([all, undefined]);
    expect(filtersOf([all[1]!])).toEqual([[all[1]], undefined]);
    expect(gsm8k.filters).toHaveLength(2);
    const [chosen] = chooseFilters({ loaded: [{ task: gsm8k }], names: [all[1]!] });
    expect(chosen!.task.score).toBe(gsm8k.score);
  });

  it('names what there is where another is asked for', () => {
    expect(() => filtersOf(['strict'])).toThrow(/answer filter "strict"; they have strict-match, flexible-extract\./);
    expect(() => chooseFilters({ loaded: [{ task: scenes }], names: ['strict-match'] })).toThrow(/they have none/);
  });
});
