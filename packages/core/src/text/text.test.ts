import { describe, expect, it } from 'vitest';
import { ownValue } from '../own-value';
import { SubtextError } from '../subtext-error';
import { describeIssues } from './describe-issues';
import { parseJson } from './parse-json';
import { printable, printableLine } from './printable';
import { printableUrl, redact } from './redact';

describe('text', () => {
  it('writes controls so that a terminal shows them', () => {
    expect(printable('\u001b]0;title\u0007 a\tb\n\u009b31m \u202eabc')).toBe(
      '\\u001b]0;title\\u0007 a\tb\n\\u009b31m \\u202eabc',
    );
    expect(printable('Größe 🙂')).toBe('Größe 🙂');
    expect(printableLine('x.png\nNo faults.\r')).toBe('x.png\\u000aNo faults.\\u000d');
  });

  it('keeps secrets out of messages', () => {
    expect(printableUrl('https://user:password@host/path?token=abcd')).toBe('https://***@host/path?token=***');
    expect(redact({ text: 'with hf_abcdef at http://me:pw12@host/', secrets: ['hf_abcdef', undefined, 'a'] })).toBe(
      'with *** at http://***@host/',
    );
  });

  it('parses JSON with bounded nesting', () => {
    expect(parseJson({ name: 'x', text: '\ufeff{"a": ["[[[\\"[["]}' })).toEqual({ a: ['[[["[['] });
    expect(() => parseJson({ name: 'x.json', text: '['.repeat(201) })).toThrow('x.json nests deeper than 200 levels');
    expect(() => parseJson({ name: 'x.json', text: '{' })).toThrow(/x\.json is not JSON/);
    try {
      parseJson({ name: 'x', text: '' });
    } catch (error) {
      expect(SubtextError.isInstance(error) && error.code).toBe('invalid-json');
    }
  });

  it('finds own values only', () => {
    expect(ownValue<unknown>({ a: 1 }, 'a')).toBe(1);
    for (const name of ['constructor', '__proto__', 'toString']) expect(ownValue<unknown>({}, name)).toBeUndefined();
  });

  it("tells a schema's faults without JavaScript's words", () => {
    const issues = [
      { path: ['stages'], message: 'Invalid input: expected array, received undefined' },
      { path: ['image', 'tokens'], message: 'Invalid input: expected number, received string' },
      { path: [], message: 'Invalid input: expected object, received null' },
      { path: ['a\u001b[2J'], message: 'Too small' },
    ];
    expect(describeIssues({ issues })).toBe(
      'stages: is missing (expected array); image.tokens: expected number, received string; as a whole: expected object, received null; and 1 more',
    );
    expect(describeIssues({ issues: issues.slice(3) })).toBe('a\\u001b[2J: Too small');
  });
});
