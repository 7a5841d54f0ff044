import { bytePairs } from './byte-pairs';
import { ComponentSettings } from './component-settings';
import { TokenizerError, unsupported } from './tokenizer-error';
import { checkId, isObject, type ModelConfiguration } from './tokenizer-file';
import { unigram } from './unigram';

/** Encodes single words. */
export interface WordModel {
  /** Ids by token, without added tokens. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Tokens by id, if `vocabulary` does not have them all: Unigram models may list a token twice. */
  readonly tokens?: readonly string[];
  /** Encodes one word. */
  encodeWord(word: string): number[];
}

/** The model of a tokenizer.json, as in Rust's tokenizers. */
export function createWordModel(configuration: ModelConfiguration): WordModel {
  switch (configuration.type) {
    case 'WordLevel':
      return wordLevel(configuration);
    case 'BPE':
      return bytePairs(configuration);
    case 'WordPiece':
      return wordPiece(configuration);
    case 'Unigram':
      return unigram(configuration);
    default:
      throw unsupported(`the model "${configuration.type}"`);
  }
}

/** Ids by token. @throws TokenizerError `invalid-file` */
export function vocabularyOf(configuration: ModelConfiguration): Map<string, number> {
  const { vocab, type } = configuration;
  const wrong = (message: string): TokenizerError =>
    new TokenizerError({ code: 'invalid-file', message: `tokenizer.json: ${message}` });
  if (type === 'Unigram') {
    const vocabulary = new Map<string, number>();
    (vocab as unknown[]).forEach((entry, id) => {
      if (!Array.isArray(entry) || typeof entry[0] !== 'string' || typeof entry[1] !== 'number')
        throw wrong(`entry ${id} of the Unigram model's "vocab" is not a token and its score`);
      vocabulary.set(entry[0], id);
    });
    return vocabulary;
  }
  if (!isObject(vocab)) throw wrong(`the "vocab" of the ${type} model is not an object`);
  const vocabulary = new Map(Object.entries(vocab));
  for (const [token, id] of vocabulary) checkId(id, `tokenizer.json: the token ${JSON.stringify(token)}`);
  return vocabulary;
}

export function noTokenFor(word: string): TokenizerError {
  return new TokenizerError({
    code: 'unknown-word',
    message: `the vocabulary has neither ${JSON.stringify(word.length > 100 ? `${word.slice(0, 100)}…` : word)} nor a token for unknown words`,
  });
}

function wordLevel(configuration: ModelConfiguration): WordModel {
  const vocabulary = vocabularyOf(configuration);
  const unknown = vocabulary.get(
    new ComponentSettings(configuration, 'the WordLevel model').text('unk_token', '<unk>'),
  );
  return {
    vocabulary,
    encodeWord(word) {
      const id = vocabulary.get(word) ?? unknown;
      if (id === undefined) throw noTokenFor(word);
      return [id];
    },
  };
}

/** Greedy longest-match-first; a word with an unknown part is unknown as a whole. */
function wordPiece(configuration: ModelConfiguration): WordModel {
  const settings = new ComponentSettings(configuration, 'the WordPiece model');
  const vocabulary = vocabularyOf(configuration);
  const prefix = settings.text('continuing_subword_prefix', '##');
  const unknown = vocabulary.get(settings.text('unk_token', '[UNK]'));
  const longest = settings.whole('max_input_chars_per_word', 100);
  let longestToken = 0;
  for (const token of vocabulary.keys()) longestToken = Math.max(longestToken, token.length);
  return {
    vocabulary,
    encodeWord(word) {
      const asUnknown = (): number[] => {
        if (unknown === undefined) throw noTokenFor(word);
        return [unknown];
      };
      const characters = Array.from(word.length > 2 * longest ? word.slice(0, 2 * longest + 2) : word);
      if (characters.length > longest) return asUnknown();
      const ids: number[] = [];
      for (let start = 0; start < characters.length;) {
        let end = Math.min(characters.length, start + longestToken);
        let id: number | undefined;
        for (; end > start; end -= 1) {
          id = vocabulary.get((start > 0 ? prefix : '') + characters.slice(start, end).join(''));
          if (id !== undefined) break;
        }
        if (id === undefined) return asUnknown();
        ids.push(id);
        start = end;
      }
      return ids;
    },
  };
}
