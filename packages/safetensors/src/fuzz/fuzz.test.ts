import { expect, it } from 'vitest';
import { fuzz } from './fuzz';
import { isValidFile } from './judge';
import { honestFiles } from './mutation';

it('accepts the honest files', () => {
  for (const file of honestFiles) expect(isValidFile(file)).toBe(true);
});

it('keeps its promises on 20,000 hostile files, of every kind of fault', async () => {
  const result = await fuzz({ count: 20_000, seed: 7 });
  expect(result.findings).toEqual([]);
  expect(result.largestAllocationShare).toBeLessThanOrEqual(1);
  for (const kind of [
    'accepted',
    'truncated',
    'header-too-large',
    'invalid-header',
    'duplicate-name',
    'unsupported-dtype',
    'invalid-shape',
    'invalid-offsets',
  ]) {
    expect(result.outcomes[kind], kind).toBeGreaterThan(0);
  }
});
