import { ComponentSettings } from './component-settings';
import { TokenizerError } from './tokenizer-error';
import type { ModelConfiguration } from './tokenizer-file';
import { noTokenFor, vocabularyOf, type WordModel } from './word-models';

/** Penalty of an unknown character relative to the least likely token. */
const unknownPenalty = 10;

/** SentencePiece's unigram model with Viterbi search in a single pass, as in Rust's tokenizers. */
export function unigram(configuration: ModelConfiguration): WordModel {
  const settings = new ComponentSettings(configuration, 'the Unigram model');
  const entries = configuration.vocab as [string, number][];
  const wrong = (message: string): TokenizerError =>
    new TokenizerError({ code: 'invalid-file', message: `tokenizer.json: ${message}` });
  if (!Array.isArray(entries)) throw wrong('the "vocab" of the Unigram model is not a list');
  const vocabulary = vocabularyOf(configuration);
  const unknown = settings.optionalWhole('unk_id');
  if (unknown !== undefined && unknown >= entries.length)
    throw wrong(
      entries.length === 0
        ? 'the Unigram model names an unknown token but has none'
        : `the unk_id ${unknown} is not in the vocabulary of ${entries.length}`,
    );
  const fuses = settings.flag('fuse_unk', true);
  const byteIds = settings.flag('byte_fallback', false) ? byteTokenIds(vocabulary) : undefined;
  let least = Infinity;
  for (const [, score] of entries) least = Math.min(least, score);
  const unknownScore = least - unknownPenalty;

  // A trie of all tokens: children by node and UTF-16 unit.
  const children = new Map<number, number>();
  const tokenAt: (number | undefined)[] = [undefined];
  for (const [token, id] of vocabulary) {
    let node = 0;
    for (let index = 0; index < token.length; index += 1) {
      const key = node * 0x10000 + token.charCodeAt(index);
      let child = children.get(key);
      if (child === undefined) {
        child = tokenAt.push(undefined) - 1;
        children.set(key, child);
      }
      node = child;
    }
    if (node !== 0) tokenAt[node] = id;
  }
  const encoder = new TextEncoder();

  const addUnknown = (ids: number[], characters: string): void => {
    if (byteIds !== undefined) {
      for (const byte of encoder.encode(characters)) ids.push(byteIds[byte]!);
      return;
    }
    if (unknown === undefined) throw noTokenFor(characters);
    ids.push(unknown);
  };

  return {
    vocabulary,
    tokens: entries.map(([token]) => token),
    encodeWord(word) {
      const size = word.length;
      const scores = new Float64Array(size + 1);
      const starts = new Int32Array(size + 1).fill(-1);
      const bestIds = new Int32Array(size + 1).fill(-1);
      for (let start = 0; start < size;) {
        const width = word.codePointAt(start)! > 0xffff ? 2 : 1;
        const sofar = scores[start]!;
        let single = false;
        let node: number | undefined = 0;
        for (let end = start; end < size;) {
          node = children.get(node * 0x10000 + word.charCodeAt(end));
          if (node === undefined) break;
          end += 1;
          const id = tokenAt[node];
          if (id === undefined) continue;
          const score = sofar + entries[id]![1];
          if (starts[end]! < 0 || score > scores[end]!) {
            scores[end] = score;
            starts[end] = start;
            bestIds[end] = id;
          }
          if (end - start === width) single = true;
        }
        if (!single) {
          if (unknown === undefined) throw noTokenFor(word.slice(start, start + width));
          const end = start + width;
          const score = sofar + unknownScore;
          if (starts[end]! < 0 || score > scores[end]!) {
            scores[end] = score;
            starts[end] = start;
            bestIds[end] = unknown;
          }
        }
        start += width;
      }
      const pieces: [start: number, end: number, id: number][] = [];
      for (let end = size; end > 0; end = starts[end]!) pieces.push([starts[end]!, end, bestIds[end]!]);
      pieces.reverse();
      const ids: number[] = [];
      for (let index = 0; index < pieces.length; index += 1) {
        const [start, firstEnd, id] = pieces[index]!;
        let end = firstEnd;
        if (fuses && id === unknown)
          while (index + 1 < pieces.length && pieces[index + 1]![2] === unknown) end = pieces[(index += 1)]![1];
        const found = vocabulary.get(word.slice(start, end));
        if (found === undefined) addUnknown(ids, word.slice(start, end));
        else ids.push(found);
      }
      return ids;
    },
  };
}

/** Ids of `<0x00>` to `<0xFF>`; undefined unless all exist. */
function byteTokenIds(vocabulary: ReadonlyMap<string, number>): number[] | undefined {
  const ids = Array.from({ length: 256 }, (_, byte) =>
    vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  );
  return ids.every((id) => id !== undefined) ? (ids as number[]) : undefined;
}
