import { isWord, sharedWords, wordPieces } from '../interpreter/shared-words';

import { escapeHtml } from './escape-html';

/**
 * Two texts as escaped HTML in which words outside their longest common subsequence are marked: in the reading with
 * `<mark>`, in the truth underlined. Punctuation and spaces are never marked. Texts of more than 600 words are left
 * unmarked, because the time is quadratic.
 */
export function markWordDifferences({ reading, truth }: { reading: string; truth: string }): {
  reading: string;
  truth: string;
} {
  const left = wordPieces(reading);
  const right = wordPieces(truth);
  const shared = sharedWords({ left, right });
  if (shared === null) return { reading: escapeHtml(reading), truth: escapeHtml(truth) };
  const mark = (parts: string[], common: Set<number>, tag: string) =>
    parts
      .map((piece, index) =>
        isWord(piece) && !common.has(index) ? `<${tag}>${escapeHtml(piece)}</${tag}>` : escapeHtml(piece),
      )
      .join('')
      .replaceAll(new RegExp(`</${tag}>( ?)<${tag}>`, 'g'), '$1');
  return { reading: mark(left, shared.left, 'mark'), truth: mark(right, shared.right, 'u') };
}
