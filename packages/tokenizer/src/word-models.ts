import { BPE, Unigram, WordPiece } from '@huggingface/tokenizers';
import { TokenizerError, unsupported } from './tokenizer-error';
import type { ModelConfiguration } from './tokenizer-file';

/** Turns one word into ids. */
export interface WordModel {
  /** Ids by the model's tokens, without added tokens. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Tokens by id, where `vocabulary` does not have them all: Unigram models may list a token twice. */
  readonly tokens?: readonly string[];
  /** The ids of one word. */
  encodeWord(word: string): number[];
}

/** The parts of the library's models that are used here. */
interface LibraryModel {
  tokens_to_ids: Map<string, number>;
  encode(words: string[]): string[];
}

/** The model of a tokenizer.json; BPE, Unigram and WordPiece are the library's. */
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

function vocabularyOf(configuration: ModelConfiguration): Map<string, number> {
  if (Array.isArray(configuration.vocab)) return new Map(configuration.vocab.map(([token], id) => [token, id]));
  const vocabulary = new Map(Object.entries(configuration.vocab));
  for (const [token, id] of vocabulary) {
    if (!Number.isSafeInteger(id) || id < 0) {
      throw new TokenizerError({ code: 'invalid-file', message: `tokenizer.json: the token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}` });
    }
  }
  return vocabulary;
}

function noTokenFor(word: string): TokenizerError {
  return new TokenizerError({
    code: 'unknown-word',
    message: `the vocabulary has neither ${JSON.stringify(word)} nor a token for unknown words`,
  });
}

function wordLevel(configuration: ModelConfiguration): WordModel {
  const vocabulary = vocabularyOf(configuration);
  const unknown = vocabulary.get(String(configuration['unk_token']));
  return {
    vocabulary,
    encodeWord(word) {
      const id = vocabulary.get(word) ?? unknown;
      if (id === undefined) throw noTokenFor(word);
      return [id];
    },
  };
}

function bytePairs(configuration: ModelConfiguration): WordModel {
  if (configuration['continuing_subword_prefix']) {
    throw unsupported(`the continuing_subword_prefix ${JSON.stringify(configuration['continuing_subword_prefix'])} of a BPE model`);
  }
  if (configuration['dropout']) throw unsupported(`BPE dropout (${String(configuration['dropout'])})`);
  if (!Array.isArray(configuration['merges'])) {
    throw new TokenizerError({ code: 'invalid-file', message: 'tokenizer.json: the BPE model has no "merges"' });
  }
  const model = new BPE(configuration as never) as unknown as LibraryModel;
  const unknown = model.tokens_to_ids.get(String(configuration['unk_token']));
  const fuses = configuration['fuse_unk'] === true;
  return {
    vocabulary: vocabularyOf(configuration),
    encodeWord: (word) => {
      const ids = idsOf(model, model.encode([word]));
      return fuses && unknown !== undefined ? ids.filter((id, index) => id !== unknown || ids[index - 1] !== unknown) : ids;
    },
  };
}

function wordPiece(configuration: ModelConfiguration): WordModel {
  const model = new WordPiece({ continuing_subword_prefix: '##', unk_token: '[UNK]', ...configuration } as never) as unknown as LibraryModel;
  return {
    vocabulary: vocabularyOf(configuration),
    encodeWord(word) {
      return idsOf(model, model.encode([word]));
    },
  };
}

function idsOf(model: LibraryModel, tokens: readonly string[]): number[] {
  return tokens.map((token) => {
    const id = model.tokens_to_ids.get(token);
    if (id === undefined) throw noTokenFor(token);
    return id;
  });
}

/** SentencePiece's unigram model; the library has the search but not the bytes that stand in for unknown characters. */
function unigram(configuration: ModelConfiguration): WordModel {
  const unknown = configuration['unk_id'] as number | null | undefined;
  const vocabulary = vocabularyOf(configuration);
  // The library wants an unknown id; the last one is a place holder that is refused below.
  const model = new Unigram({ ...configuration, unk_id: unknown ?? 0 } as never, undefined as never) as unknown as LibraryModel & {
    scores: number[];
  };
  if (typeof unknown === 'number') model.scores[unknown] = (configuration.vocab as [string, number][])[unknown]![1];
  const byteIds = configuration['byte_fallback'] === true ? byteTokenIds(vocabulary) : undefined;
  const encoder = new TextEncoder();
  const addUnknown = (ids: number[], characters: string): void => {
    if (byteIds !== undefined) {
      for (const byte of encoder.encode(characters)) ids.push(byteIds[byte]!);
    } else {
      if (typeof unknown !== 'number') throw noTokenFor(characters);
      ids.push(unknown);
    }
  };
  return {
    vocabulary,
    tokens: (configuration.vocab as [string, number][]).map(([token]) => token),
    encodeWord(word) {
      const ids: number[] = [];
      let unknownRun = '';
      for (const token of model.encode([word])) {
        const id = vocabulary.get(token);
        if (id === undefined) {
          unknownRun += token;
          continue;
        }
        if (unknownRun !== '') addUnknown(ids, unknownRun);
        unknownRun = '';
        ids.push(id);
      }
      if (unknownRun !== '') addUnknown(ids, unknownRun);
      return ids;
    },
  };
}

/** The ids of `<0x00>` to `<0xFF>`; undefined unless all are there. */
function byteTokenIds(vocabulary: ReadonlyMap<string, number>): number[] | undefined {
  const ids = Array.from({ length: 256 }, (_, byte) => vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`));
  return ids.every((id) => id !== undefined) ? (ids as number[]) : undefined;
}
