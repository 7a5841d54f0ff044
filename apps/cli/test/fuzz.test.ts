import { expect, test } from 'vitest';
import { runFuzz } from '../../../tooling/fuzz/fuzz.mjs';

// The same cases each time: another seed, or more, are for `npm run fuzz -- --seed 2 --cases 100000`. Two processes:
// the cases are what takes the time, and a machine with two processors is the smallest that the tests are made for.
const cases = 3_000;

test(
  `${cases} hostile folders, data sets and configurations end in a result or in an error that says what is wrong`,
  async () => {
    const { findings, errors, results } = await runFuzz({ cases, seed: 1, workers: 2 });
    expect(
      findings.map(({ case: number, target, kind, text }) => `case ${number}, ${target}: ${kind}: ${text}`),
    ).toEqual([]);
    // Cases that all end in errors, or none, would try little.
    expect(errors).toBeGreaterThan(cases / 4);
    expect(results).toBeGreaterThan(cases / 8);
  },
  30 * 60_000,
);
