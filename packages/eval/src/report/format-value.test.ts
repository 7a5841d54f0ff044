import { describe, expect, it } from 'vitest';
import { formatInterval, formatValue } from './format-value';

describe('formatValue', () => {
  it.each([
    [{ value: 0.93449, format: 'percent' as const }, '93.4\u00a0%'],
    [{ value: -0.0001, format: 'percent' as const }, '0.0\u00a0%'],
    [{ value: -0.05, format: 'percent' as const }, '\u22125.0\u00a0%'],
    [{ value: 1234567, format: 'integer' as const }, '1\u202f234\u202f567'],
    [{ value: 0.0123, format: 'seconds' as const }, '12.3\u00a0ms'],
    [{ value: 3.14159 }, '3.14'],
    [{ value: 0.000012 }, '1.20e-5'],
    [{ value: 42 }, '42'],
    [{ value: Number.NaN }, '–'],
  ])('%j', (options, expected) => {
    expect(formatValue(options)).toBe(expected);
  });

  it('writes an interval without its unit', () => {
    expect(formatInterval({ interval: [0.91, 0.952], format: 'percent' })).toBe('[91.0, 95.2]');
  });
});
