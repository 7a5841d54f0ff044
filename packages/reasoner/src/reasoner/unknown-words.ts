import type { Tokenizer } from '@subtext/tokenizer';

/** The words of a text that a vocabulary lacks, in order, each once; none where every text can be spelled (bytes). */
export function unknownWords({ tokenizer, text }: { tokenizer: Tokenizer; text: string }): string[] {
  const { unknownId } = tokenizer;
  if (unknownId === undefined) return [];
  const isUnknown = (part: string) => tokenizer.encode(part, { addSpecialTokens: false }).ids.includes(unknownId);
  if (!isUnknown(text)) return [];
  const words = [...new Set(text.split(/\s+/u).filter((word) => word !== ''))];
  // Where words carry the space before them, a word is looked up as it stands in a text.
  const unknown = words.filter((word) => isUnknown(word) && isUnknown(` ${word}`));
  return unknown.length > 0 ? unknown : words;
}
