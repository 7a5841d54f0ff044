import { DecoderError } from '@subtext/decoder';
import { taggedFormat } from '@subtext/reasoner';
import type { Tokenizer } from '@subtext/tokenizer';

/** The token that holds a thought's place in an interpreter's prompt. */
export const SLOT_TOKEN = '<thought>';

/** The slot, and the tags that open explanations where the vocabulary cannot write them. */
export function interpreterTokens({
  tokenizer,
  stages,
}: {
  tokenizer: Tokenizer;
  stages: readonly string[];
}): string[] {
  const { unknownId } = tokenizer;
  const openings = stages.map((name, index) => taggedFormat.step({ name, index }).open);
  return [
    SLOT_TOKEN,
    ...openings.filter(
      (mark) => unknownId !== undefined && tokenizer.encode(mark, { addSpecialTokens: false }).ids.includes(unknownId),
    ),
  ];
}

/** Refuses a reasoner whose vocabulary, which its interpreters share, lacks what they need: its model would have to grow after it was written. */
export function checkVocabulary({ tokenizer, stages }: { tokenizer: Tokenizer; stages: readonly string[] }): void {
  const missing = interpreterTokens({ tokenizer, stages }).filter((token) => !tokenizer.has(token));
  if (missing.length === 0) return;
  throw new DecoderError({
    code: 'invalid-option',
    message: `The reasoner's vocabulary, which its interpreters share, lacks ${missing.join(', ')}. Add them before the reasoner is saved: addModelTokens({ model, tokenizer, tokens: interpreterTokens({ tokenizer, stages }) }).`,
  });
}
