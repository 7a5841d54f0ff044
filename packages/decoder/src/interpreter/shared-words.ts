/** Splits a text into words and separators (spaces, punctuation). */
export function wordPieces(text: string): string[] {
  return text.match(/\s+|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];
}

/** Whether a piece is a word. */
export const isWord = (piece: string) => /[\p{L}\p{N}]/u.test(piece);

/** Maximum number of words for a comparison: the time is quadratic. */
export const MOST_WORDS = 600;

/**
 * The words that two texts have in common in order (longest common subsequence, ignoring case), as indices into each
 * text's pieces. Null if a text has more than {@link MOST_WORDS} words.
 */
export function sharedWords({
  left,
  right,
}: {
  /** As returned by {@link wordPieces}. */
  left: readonly string[];
  right: readonly string[];
}): { left: Set<number>; right: Set<number> } | null {
  const leftWords = left.flatMap((piece, index) => (isWord(piece) ? [index] : []));
  const rightWords = right.flatMap((piece, index) => (isWord(piece) ? [index] : []));
  if (leftWords.length > MOST_WORDS || rightWords.length > MOST_WORDS) return null;
  const width = rightWords.length + 1;
  const lengths = new Uint16Array((leftWords.length + 1) * width);
  const key = (word: string) => word.toLowerCase();
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
  const shared = { left: new Set<number>(), right: new Set<number>() };
  for (let row = 0, column = 0; row < leftWords.length && column < rightWords.length;) {
    if (same(row, column)) {
      shared.left.add(leftWords[row++] as number);
      shared.right.add(rightWords[column++] as number);
    } else if (length(row + 1, column) >= length(row, column + 1)) row++;
    else column++;
  }
  return shared;
}
