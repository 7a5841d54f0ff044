import { normalizeNumber, numbersOf } from './recall';

/** What follows the last `#` of a text, without surrounding space; null without a `#` or with nothing after it. Coconut's rule. */
export function answerAfterHash(text: string): string | null {
  const place = text.lastIndexOf('#');
  if (place < 0) return null;
  const answer = text.slice(place + 1).trim();
  return answer === '' ? null : answer;
}

/** One writing for answers in words: lower case, single spaces, no space or full stop at the ends. */
export function normalizeAnswer(text: string): string {
  return text
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\s*[.。]+$/u, '');
}

/**
 * The number that answers a GSM8K question, in one writing (`1,200.50` → `1200.5`); null where there is none.
 * It is the first number after the last `#`; without a `#`, and only where `flexible`, the text's last number.
 */
export function numericAnswer({
  text,
  flexible = false,
}: {
  text: string;
  /** Whether a text without `#` may answer. lm-evaluation-harness calls the two strict-match and flexible-extract. @default false */
  flexible?: boolean;
}): string | null {
  const marked = answerAfterHash(text);
  if (marked !== null) return numbersOf(marked)[0] ?? null;
  return flexible ? (numbersOf(text).at(-1) ?? null) : null;
}

/** Digits written apart, as in the multiplication data, most significant last or first: `5 5 6 0` → `5560`; null if anything else is there. */
export function spacedDigits(text: string): string | null {
  const joined = text.replace(/\s+/g, '');
  return /^\d+$/.test(joined) ? joined : null;
}

/** Whether two numbers are the same in value, whatever their writing. */
export function sameNumber(left: string, right: string): boolean {
  const one = normalizeNumber(left.trim().replace(/^\$/, '').replace(/%$/, ''));
  const other = normalizeNumber(right.trim().replace(/^\$/, '').replace(/%$/, ''));
  if (one === other) return one !== '';
  // Only a number with an exponent has a second writing left: long whole numbers must not meet by rounding.
  const exponent = /^-?\d+(\.\d+)?e[+-]?\d+$/i;
  return (exponent.test(one) || exponent.test(other)) && one !== '' && other !== '' && Number(one) === Number(other);
}
