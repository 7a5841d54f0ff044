import type { ReasoningExample } from '@subtext/data';
import { type Tokenizer, trainWordLevelTokenizer } from '@subtext/tokenizer';
import type { ReasoningFormat, ReasoningMethod } from '@subtext/trainer';

/** Tokens of a model made from nothing, beside those that every tokenizer has. */
export const newModelTokens = { image: '<image>', slot: '<thought>', begin: '<s>', end: '</s>' } as const;

/**
 * A tokenizer over the texts of a data set, in which whatever stands between white space is one token, with the tags
 * and thinking tokens of all methods that will follow.
 */
export function newTokenizer({
  examples,
  stages,
  format,
  methods,
}: {
  examples: readonly ReasoningExample[];
  stages: readonly string[];
  format: ReasoningFormat;
  /** Methods whose special tokens the vocabulary has from the start. */
  methods: readonly ReasoningMethod[];
}): Tokenizer {
  const texts = examples.flatMap(({ question, steps, answer }) => [question, ...steps.map(({ text }) => text), answer]);
  const special = [newModelTokens.image, newModelTokens.slot, ...format.tags({ stages }), ...methods.flatMap((method) => method.specialTokens({ stages }))];
  return trainWordLevelTokenizer({ texts, split: 'whitespace', specialTokens: [...new Set(special)] });
}
