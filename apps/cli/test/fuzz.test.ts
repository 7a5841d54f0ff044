import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFuzz } from '../../../tooling/fuzz/fuzz.mjs';
import { makeSeeds } from '../../../tooling/fuzz/seeds.mjs';

let seeds: string;
beforeAll(async () => {
  seeds = await mkdtemp(join(tmpdir(), 'subtext-fuzz-seeds-'));
  makeSeeds(seeds);
});
afterAll(() => rm(seeds, { recursive: true }));

describe('the fuzzer names what is planted in a command, in a process of its own and in one of many cases', () => {
  const gigabyte = 2 ** 30;
  type Planted = [fault: string, kind: string, limits: { seconds?: number; memory?: number; heap?: number }];
  it.each<Planted>([
    ['a raw error', 'raw error', {}],
    ['a rejection that nobody waits for', 'uncaught', {}],
    ['an error that nobody catches', 'uncaught', {}],
    ['no end', 'hang', { seconds: 10 }],
    ['a crash', 'crash', {}],
    ['lists without end', 'memory', { heap: 200 }],
    // Only Linux tells what another process takes.
    ...(process.platform === 'linux'
      ? ([
          ['buffers without end', 'memory', { memory: gigabyte }],
          ['buffers that are let go', 'memory', { memory: gigabyte }],
        ] satisfies Planted[])
      : []),
  ])('%s', async (fault, kind, limits) => {
    const preload = `${new URL('planted-fault.mjs', import.meta.url).href}?fault=${encodeURIComponent(fault)}`;
    const { findings, cases } = await runFuzz({
      cases: 2,
      casesAProcess: 2,
      workers: 1,
      target: 'published folder',
      // Two cases of which neither ends before the planted fault.
      seed: 2,
      preload,
      seeds,
      ...limits,
    });
    expect(cases).toBe(2);
    expect(findings.map((finding) => [finding.case, finding.kind])).toEqual([
      [0, kind],
      [1, kind],
    ]);
  });

  it('and nothing where nothing is planted', async () => {
    const { findings } = await runFuzz({
      cases: 2,
      casesAProcess: 2,
      workers: 1,
      target: 'published folder',
      seed: 2,
      seeds,
      memory: gigabyte,
    });
    expect(findings).toEqual([]);
  });
});

// The same cases each time: another seed, or more, are for `npm run fuzz -- --seed 2 --cases 100000`. Two processes:
// the cases are what takes the time, and a machine with two processors is the smallest that the tests are made for.
const cases = 10_000;

it(
  `${cases} hostile folders, data sets and configurations end in a result or in an error that says what is wrong`,
  async () => {
    // A process of its own takes as long as forty cases that share one: the nightly run has more of them.
    const { findings, errors, results } = await runFuzz({ cases, casesAProcess: 500, seed: 1, workers: 2, seeds });
    expect(
      findings.map(({ case: number, target, kind, text }) => `case ${number}, ${target}: ${kind}: ${text}`),
    ).toEqual([]);
    // Cases that all end in errors, or none, would try little.
    expect(errors).toBeGreaterThan(cases / 4);
    expect(results).toBeGreaterThan(cases / 8);
  },
  30 * 60_000,
);
