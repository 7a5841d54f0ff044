import type { Tokenizer } from '@subtext/tokenizer';

/** Texts that are remembered for a tokenizer; then it begins anew. */
const MOST_TEXTS = 100_000;

const known = new WeakMap<Tokenizer, { changes: number; ids: Map<string, readonly number[]> }>();

/**
 * The ids of a text without special tokens around it. A run lays out the same texts for each phase, to measure them and to
 * train on them, so they are remembered as long as the tokenizer has the same tokens.
 */
export function idsOf({ tokenizer, text }: { tokenizer: Tokenizer; text: string }): readonly number[] {
  const { changes } = tokenizer;
  let remembered = known.get(tokenizer);
  if (remembered?.changes !== changes || remembered.ids.size >= MOST_TEXTS)
    known.set(tokenizer, (remembered = { changes, ids: new Map() }));
  let ids = remembered.ids.get(text);
  if (ids === undefined) remembered.ids.set(text, (ids = tokenizer.encode(text, { addSpecialTokens: false }).ids));
  return ids;
}
