import { drawTokenRows, type LanguageModel, resizeEmbeddings } from '@subtext/model';
import type { LoraSettings } from '@subtext/nn';
import type { Tokenizer } from '@subtext/tokenizer';

/**
 * Gives a tokenizer and its model the tokens that they lack. Each new row starts at the mean of the sub-words of the token's
 * name (`<THINKING_OF_CAPTION>`: "thinking of caption"), moved by seeded noise: tokens of one name start near each other
 * and yet apart. Gives the ids of the tokens that are new.
 */
export function addModelTokens({
  model,
  tokenizer,
  tokens,
  seed = 0,
}: {
  model: LanguageModel;
  tokenizer: Tokenizer;
  tokens: readonly string[];
  /** Of the noise. @default 0 */ seed?: number;
}): number[] {
  const missing = [...new Set(tokens)].filter((token) => !tokenizer.has(token));
  if (missing.length === 0) return [];
  const like = missing.map((token) => subWords({ tokenizer, token }));
  const ids = tokenizer.addTokens(missing);
  if (tokenizer.vocabularySize > model.dimensions.vocabularySize)
    resizeEmbeddings({ model, vocabularySize: tokenizer.vocabularySize, seed });
  // A vocabulary with spare rows has grown by nothing: its rows for the new tokens are drawn too.
  drawTokenRows({ model, seed, tokens: ids.map((id, index) => ({ id, like: like[index] })) });
  return ids;
}

/** The ids of a token's name in words; none where the vocabulary lacks them. */
function subWords({ tokenizer, token }: { tokenizer: Tokenizer; token: string }): number[] {
  const words = token
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .toLowerCase();
  if (words === '') return [];
  const { unknownId } = tokenizer;
  return tokenizer.encode(words, { addSpecialTokens: false }).ids.filter((id) => id !== unknownId);
}

/** What becomes of new tokens beside a low-rank adapter, which reaches neither the embedding nor the output layer. */
export type AdapterTokens =
  /** Their rows are trained and saved with the adapter: PEFT's `trainable_token_indices`. */
  | 'rows'
  /** Embedding and output layer are trained in full: PEFT's `modules_to_save`. */
  | 'modules'
  /** They stay as they were drawn, and are saved with the adapter. */
  | 'none';

/** An adapter's settings with the tokens that learn beside it. */
export function adapterWithTokens<Settings extends Omit<LoraSettings, 'tokens'>>({
  lora,
  tokens,
  ids,
}: {
  lora: Settings;
  tokens: AdapterTokens;
  /** The tokens that a method added. */ ids: readonly number[];
}): Omit<Settings, 'tokens'> & Pick<LoraSettings, 'tokens'> & { trainTokens: boolean } {
  return {
    ...lora,
    tokens: tokens === 'modules' ? 'all' : [...ids].sort((a, b) => a - b),
    trainTokens: tokens !== 'none',
  };
}
