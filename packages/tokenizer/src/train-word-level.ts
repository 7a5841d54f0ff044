import { AddedTokenSplitter } from './added-token-splitter';
import { createPreTokenizer } from './pre-tokenizers';
import { Tokenizer } from './tokenizer';
import { TokenizerError } from './tokenizer-error';
import type { AddedToken, ComponentConfiguration } from './tokenizer-file';

/**
 * Words, single digits, single punctuation marks, each with the space before it; other white space alone. The matches
 * cover any text without gaps, so that decoding gives the text back.
 */
const wordPattern = ' ?[\\p{L}\\p{M}]+| ?\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]|\\s';

/**
 * Makes a word-level tokenizer for a model trained from scratch on a small world: each word of the texts, with the space
 * before it, is one token; digits and punctuation marks are tokens of their own. `decode(encode(text))` is exactly the
 * text for every text whose words occur in `texts`. What it saves is a valid tokenizer.json.
 *
 * Ids: padding, unknown, begin, end, then `specialTokens` in order, then words by how often they occur.
 *
 * @param options.texts what to find the words in
 * @param options.specialTokens tokens such as thinking tokens and stage tags. @default []
 * @param options.split `words`: as above. `whitespace`: whatever stands between white space is one token, whatever is
 *   before it (`top-left` is one token, and the same one at the start of a text); decoding puts one space between tokens,
 *   so that texts with other spacing do not come back exactly. @default 'words'
 * @param options.minimumCount words that occur less often are left unknown. @default 1
 * @param options.maximumVocabulary most ids in all; the rarest words are left unknown. Default: no limit
 * @param options.paddingToken @default '<pad>'
 * @param options.unknownToken @default '<unk>'
 * @param options.beginToken @default '<s>'
 * @param options.endToken @default '</s>'
 * @throws TokenizerError `invalid-token` where special tokens repeat, `invalid-option`
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
