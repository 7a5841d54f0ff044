/** What Python's `str.split()` takes for white space; JavaScript's `\s` differs in U+001C–U+001F, U+0085 and U+FEFF. */
const whitespace = '\\t\\n\\v\\f\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const whitespaceRun = new RegExp(`[${whitespace}]+`, 'u');
const whitespaceEnd = new RegExp(`[${whitespace}]+$`, 'u');

/** Words between white space, as Python's `str.split()` gives them. */
export function splitWords(text: string): string[] {
  return text.split(whitespaceRun).filter((word) => word !== '');
}

/** Without the white space at its end, as Python's `str.rstrip()`. */
export function stripEnd(text: string): string {
  return text.replace(whitespaceEnd, '');
}

/**
 * Tokens of mteval-v13a, WMT's tokenisation, as sacrebleu's `tokenizer_13a` makes them.
 *
 * Source: sacrebleu 2.6, `tokenizers/tokenizer_13a.py` and `tokenizer_re.py`.
 */
export function tokenizeThirteenA(text: string): string[] {
  let line = text.replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ');
  if (line.includes('&'))
    line = line.replaceAll('&quot;', '"').replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>');
  line = ` ${line} `
    .replace(/([{-~[-` -&(-+:-@/])/gu, ' $1 ')
    // A period or comma is a token of its own unless it stands between digits.
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    // So is a dash after a digit.
    .replace(/([0-9])(-)/gu, '$1 $2 ');
  return splitWords(line);
}

/** How often each n-gram of a list occurs; items are joined by a character that no token holds. */
export function countGrams(items: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let index = 0; index + order <= items.length; index++) {
    const gram = order === 1 ? (items[index] as string) : items.slice(index, index + order).join('\u0000');
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** How many n-grams of the first also stand in the second, each counted as often as in both. */
export function countShared(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): number {
  let shared = 0;
  for (const [gram, count] of left) shared += Math.min(count, right.get(gram) ?? 0);
  return shared;
}
