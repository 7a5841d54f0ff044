import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('./budget.json', import.meta.url);

/** Room above what was measured when the budget was written. */
const ROOM = 1.1;

/** Two figures are enough of a limit; a product such as 1.1 × 100 is a little above what it should be. */
const roundedUp = (product) => {
  const value = Number(product.toPrecision(9));
  const step = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.ceil(value / step) * step;
};

/** Most kilobytes of each package: its tarball, and its tree once installed with all that it needs. */
export const readBudget = () => JSON.parse(readFileSync(path, 'utf8'));

/**
 * What is larger than the budget allows, or has none.
 *
 * @param options.measured For each package by name: `tarball` and `installed`, in kilobytes.
 */
export function overBudget({ budget, measured }) {
  return Object.entries(measured).flatMap(([name, sizes]) => {
    const limits = budget[name];
    if (limits === undefined) return [`${name} has no budget: run the rehearsal with --write-budget`];
    return ['tarball', 'installed']
      .filter((what) => sizes[what] > limits[what])
      .map((what) => `${name}: ${what} of ${Math.round(sizes[what])} kB, more than ${limits[what]} kB`);
  });
}

/** The budget of what was measured, with room above it. */
export function budgetOf(measured) {
  return Object.fromEntries(
    Object.entries(measured)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, { tarball, installed }]) => [
        name,
        { tarball: roundedUp(ROOM * tarball), installed: roundedUp(ROOM * installed) },
      ]),
  );
}

/** Writes it in place of the committed one; packages that were not measured keep theirs. */
export function writeBudget(measured) {
  const budget = { ...readBudget(), ...budgetOf(measured) };
  const sorted = Object.fromEntries(Object.entries(budget).sort(([one], [other]) => (one < other ? -1 : 1)));
  writeFileSync(path, `${JSON.stringify(sorted, null, 2)}\n`);
}
