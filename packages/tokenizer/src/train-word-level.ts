import { AddedTokenSplitter } from './added-token-splitter';
import { createPreTokenizer } from './pre-tokenizers';
import { Tokenizer } from './tokenizer';
import { TokenizerError } from './tokenizer-error';
import type { AddedToken, ComponentConfiguration } from './tokenizer-file';

/**
 * Matches words, single digits and single punctuation marks, each with the preceding space, and other whitespace. The
 * matches cover any text without gaps, so that decoding reproduces it.
 */
const wordPattern = ' ?[\\p{L}\\p{M}]+| ?\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]|\\s';

/**
 * Trains a word-level tokenizer for a small model trained from scratch: each word of the texts, with its preceding space, is
 * one token; digits and punctuation marks are separate tokens. `decode(encode(text))` equals the text for every text whose
 * words occur in `texts`. It saves as a valid tokenizer.json.
 *
 * Ids: padding, unknown, begin, end, then `specialTokens` in order, then words by frequency.
 *
 * @param options.texts texts to collect words from
 * @param options.specialTokens tokens such as thinking tokens and stage tags. @default []
 * @param options.split `words`: as above. `whitespace`: each run of non-whitespace is one token, regardless of what precedes
 *   it (`top-left` is one token, also at the start of a text); decoding joins tokens with single spaces, so texts with other
 *   spacing are not reproduced exactly. @default 'words'
 * @param options.minimumCount rarer words become unknown. @default 1
 * @param options.maximumVocabulary maximum number of ids; the rarest words become unknown. Default: no limit
 * @param options.paddingToken @default '<pad>'
 * @param options.unknownToken @default '<unk>'
 * @param options.beginToken @default '<s>'
 * @param options.endToken @default '</s>'
 * @throws TokenizerError `invalid-token` for duplicate special tokens, `invalid-option`
 */
export function trainWordLevelTokenizer(options: {
  texts: Iterable<string>;
  specialTokens?: readonly string[];
  split?: 'words' | 'whitespace';
  minimumCount?: number;
  maximumVocabulary?: number;
  paddingToken?: string;
  unknownToken?: string;
  beginToken?: string;
  endToken?: string;
}): Tokenizer {
  const { texts, specialTokens = [], split = 'words', minimumCount = 1, maximumVocabulary = Infinity } = options;
  const { paddingToken = '<pad>', unknownToken = '<unk>', beginToken = '<s>', endToken = '</s>' } = options;
  const special = [paddingToken, unknownToken, beginToken, endToken, ...specialTokens];
  const repeated = special.find((token, index) => special.indexOf(token) !== index || token.trim() === '');
  if (repeated !== undefined) {
    throw new TokenizerError({
      code: 'invalid-token',
      message: `the special token ${JSON.stringify(repeated)} is empty or given twice`,
    });
  }
  if (maximumVocabulary < special.length) {
    throw new TokenizerError({
      code: 'invalid-option',
      message: `maximumVocabulary is ${maximumVocabulary}, fewer than the ${special.length} special tokens`,
    });
  }

  const addedTokens = special.map((content, id): AddedToken => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const preTokenizer: ComponentConfiguration =
    split === 'words'
      ? { type: 'Split', pattern: { Regex: wordPattern }, behavior: 'Isolated', invert: false }
      : { type: 'WhitespaceSplit' };
  const counts = countWords(
    texts,
    new AddedTokenSplitter(addedTokens.map((token) => ({ text: token.content, token }))),
    preTokenizer,
  );
  const words = [...counts]
    .filter(([word, count]) => count >= minimumCount && !special.includes(word))
    .sort(([firstWord, first], [secondWord, second]) => second - first || (firstWord < secondWord ? -1 : 1))
    .slice(0, maximumVocabulary - special.length)
    .map(([word]) => word);
  const vocab = Object.fromEntries([...special, ...words].map((token, id) => [token, id]));

  return new Tokenizer({
    file: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens,
      normalizer: null,
      pre_tokenizer: preTokenizer,
      post_processor: null,
      decoder: split === 'words' ? { type: 'Fuse' } : null,
      model: { type: 'WordLevel', vocab, unk_token: unknownToken },
    },
    settings: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      clean_up_tokenization_spaces: false,
      pad_token: paddingToken,
      unk_token: unknownToken,
      bos_token: beginToken,
      eos_token: endToken,
    },
    chatTemplates: {},
  });
}

function countWords(
  texts: Iterable<string>,
  splitter: AddedTokenSplitter,
  configuration: ComponentConfiguration,
): Map<string, number> {
  const preTokenizer = createPreTokenizer(configuration)!;
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const { text: plain, token } of splitter.split(text)) {
      if (token !== undefined) continue;
      for (const word of preTokenizer([plain], false)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}
