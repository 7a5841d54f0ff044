import { escapeHtml } from './escape-html';

/** Splits a text into words and the spaces between them. */
function pieces(text: string): string[] {
  return text.match(/\s+|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];
}

const key = (word: string) => word.toLowerCase();
const isWord = (piece: string) => /[\p{L}\p{N}]/u.test(piece);

/**
 * Two texts as escaped HTML in which the words outside their longest common subsequence are marked:
 * in the reading with `<mark>`, in the truth underlined. Punctuation and spaces are never marked.
 * Texts over 600 words are left unmarked, to keep the time quadratic in little.
 */
export function markWordDifferences({ reading, truth }: { reading: string; truth: string }): {
  reading: string;
  truth: string;
} {
  const left = pieces(reading);
  const right = pieces(truth);
  const leftWords = left.flatMap((piece, index) => (isWord(piece) ? [index] : []));
  const rightWords = right.flatMap((piece, index) => (isWord(piece) ? [index] : []));
  if (leftWords.length > 600 || rightWords.length > 600)
    return { reading: escapeHtml(reading), truth: escapeHtml(truth) };
  const width = rightWords.length + 1;
  const lengths = new Uint16Array((leftWords.length + 1) * width);
  const same = (row: number, column: number) =>
    key(left[leftWords[row] as number] as string) === key(right[rightWords[column] as number] as string);
  const length = (row: number, column: number) => lengths[row * width + column] as number;
  for (let row = leftWords.length - 1; row >= 0; row--) {
    for (let column = rightWords.length - 1; column >= 0; column--) {
      lengths[row * width + column] = same(row, column)
        ? length(row + 1, column + 1) + 1
        : Math.max(length(row + 1, column), length(row, column + 1));
    }
  }
  const sharedLeft = new Set<number>();
  const sharedRight = new Set<number>();
  for (let row = 0, column = 0; row < leftWords.length && column < rightWords.length;) {
    if (same(row, column)) {
      sharedLeft.add(leftWords[row++] as number);
      sharedRight.add(rightWords[column++] as number);
    } else if (length(row + 1, column) >= length(row, column + 1)) row++;
    else column++;
  }
  const mark = (parts: string[], shared: Set<number>, tag: string) =>
    parts
      .map((piece, index) =>
        isWord(piece) && !shared.has(index) ? `<${tag}>${escapeHtml(piece)}</${tag}>` : escapeHtml(piece),
      )
      .join('')
      .replaceAll(new RegExp(`</${tag}>( ?)<${tag}>`, 'g'), '$1');
  return { reading: mark(left, sharedLeft, 'mark'), truth: mark(right, sharedRight, 'u') };
}
