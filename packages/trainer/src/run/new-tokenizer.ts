import type { ReasoningExample } from '@subtext/data';
import { linesFormat, taggedFormat, type ReasoningFormat, type ReasoningMethod } from '@subtext/reasoner';
import { type Tokenizer, trainWordLevelTokenizer } from '@subtext/tokenizer';

import { SLOT_TOKEN } from '../interpreters/interpreter-tokens';

/** Tokens of a model from scratch, beside those that every tokenizer has. */
export const newModelTokens = { image: '<image>', slot: SLOT_TOKEN, begin: '<s>', end: '</s>' } as const;

/**
 * A tokenizer over the texts of a data set, with the tags and thinking tokens of all methods that will follow. In the
 * `lines` format spaces and line feeds mean something: words carry the space before them, digits and punctuation marks
 * stand alone, so that every text of the data comes back exactly, and the answer's mark is one token. Else whatever
 * stands between white space is one token.
 */
export function newTokenizer({
  examples,
  stages,
  format,
  methods,
  explained = false,
}: {
  examples: readonly ReasoningExample[];
  stages: readonly string[];
  format: ReasoningFormat;
  /** Methods whose special tokens the vocabulary has from the start. */
  methods: readonly ReasoningMethod[];
  /** Whether interpreters will explain stages: each explanation opens with its stage's tag. @default false */
  explained?: boolean;
}): Tokenizer {
  const texts = examples.flatMap(({ question, steps, answer }) => [question, ...steps.map(({ text }) => text), answer]);
  const marks = [format.question, format.step({ name: stages[0] ?? '', index: 0 }), format.answer].flatMap((pair) =>
    pair ? [pair.open, pair.close] : [],
  );
  const special = [
    newModelTokens.image,
    newModelTokens.slot,
    ...format.tags({ stages }),
    ...methods.flatMap((method) => method.specialTokens({ stages })),
  ];
  if (format.name !== linesFormat.name)
    return trainWordLevelTokenizer({ texts, split: 'whitespace', specialTokens: [...new Set(special)] });
  const written = [
    ...marks.filter((mark) => mark.trim() !== ''),
    ...(explained ? stages.map((name, index) => taggedFormat.step({ name, index }).open) : []),
  ];
  const blank = marks.filter((mark) => mark !== '' && mark.trim() === '');
  return trainWordLevelTokenizer({
    texts: [...texts, ...blank],
    specialTokens: [...new Set([...special, ...written])],
  });
}
