import { ComponentSettings } from './component-settings';
import { TokenizerError } from './tokenizer-error';
import type { ModelConfiguration } from './tokenizer-file';
import { noTokenFor, vocabularyOf, type WordModel } from './word-models';

/** Longer words are merged with a priority queue, shorter ones by scanning all pairs, which is faster for them. */
const shortWord = 48;

interface Merges {
  /** Rank by pair of ids, keyed by first · (number of ids) + second. */
  ranks: Map<number, number>;
  /** Resulting id by rank. */
  results: number[];
  size: number;
}

/** Byte pair encoding, as in Rust's tokenizers. */
export function bytePairs(configuration: ModelConfiguration): WordModel {
  const settings = new ComponentSettings(configuration, 'the BPE model');
  if (settings.raw('dropout') !== undefined && settings.raw('dropout') !== 0) {
    throw new TokenizerError({
      code: 'unsupported-component',
      message: `tokenizer.json has BPE dropout (${JSON.stringify(settings.raw('dropout'))}), which this package does not support`,
    });
  }
  if (settings.raw('merges') === undefined)
    throw new TokenizerError({ code: 'invalid-file', message: 'tokenizer.json: the BPE model has no "merges"' });
  const vocabulary = vocabularyOf(configuration);
  const prefix = settings.text('continuing_subword_prefix', '');
  const suffix = settings.text('end_of_word_suffix', '');
  const unknownToken = settings.optionalText('unk_token');
  const fuses = settings.flag('fuse_unk', false);
  const takesWhole = settings.flag('ignore_merges', false);
  const byteIds = settings.flag('byte_fallback', false)
    ? Array.from({ length: 256 }, (_, byte) =>
        vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
      )
    : undefined;
  const merges = mergesOf(settings.list('merges'), vocabulary, Array.from(prefix).length);
  const encoder = new TextEncoder();

  return {
    vocabulary,
    encodeWord(word) {
      if (takesWhole) {
        const id = vocabulary.get(word);
        if (id !== undefined) return [id];
      }
      const ids: number[] = [];
      let unknown: number | undefined;
      const flush = (): void => {
        if (unknown !== undefined) ids.push(unknown);
        unknown = undefined;
      };
      let index = 0;
      for (const character of word) {
        let token = character;
        if (index > 0) token = prefix + token;
        index += character.length;
        if (index >= word.length) token += suffix;
        const id = vocabulary.get(token);
        if (id !== undefined) {
          flush();
          ids.push(id);
          continue;
        }
        if (byteIds !== undefined) {
          const bytes = Array.from(encoder.encode(token), (byte) => byteIds[byte]);
          if (bytes.every((byte) => byte !== undefined)) {
            for (const byte of bytes) ids.push(byte);
            continue;
          }
        }
        // Without an unknown token, unknown characters are dropped, and their neighbours may merge.
        if (unknownToken === undefined) continue;
        if (!fuses) flush();
        unknown = vocabulary.get(unknownToken);
        if (unknown === undefined) throw noTokenFor(character);
      }
      flush();
      return merged(ids, merges);
    },
  };
}

function mergesOf(list: readonly unknown[], vocabulary: ReadonlyMap<string, number>, prefixLength: number): Merges {
  const wrong = (merge: unknown, why: string): TokenizerError =>
    new TokenizerError({
      code: 'invalid-file',
      message: `tokenizer.json: the merge ${JSON.stringify(merge)?.slice(0, 100)} ${why}`,
    });
  let size = 1;
  for (const id of vocabulary.values()) if (id >= size) size = id + 1;
  const ranks = new Map<number, number>();
  const results: number[] = [];
  let rank = 0;
  for (const merge of list) {
    let first: unknown;
    let second: unknown;
    if (typeof merge === 'string') {
      if (merge.startsWith('#version')) continue;
      const space = merge.indexOf(' ');
      if (space < 0 || merge.includes(' ', space + 1)) throw wrong(merge, 'is not two tokens');
      first = merge.slice(0, space);
      second = merge.slice(space + 1);
    } else if (Array.isArray(merge) && merge.length === 2) [first, second] = merge as [unknown, unknown];
    if (typeof first !== 'string' || typeof second !== 'string') throw wrong(merge, 'is not two tokens');
    const left = vocabulary.get(first);
    const right = vocabulary.get(second);
    const result = vocabulary.get(
      first + (prefixLength === 0 ? second : Array.from(second).slice(prefixLength).join('')),
    );
    if (left === undefined || right === undefined || result === undefined)
      throw wrong(merge, 'uses or produces a token that is not in the vocabulary');
    ranks.set(left * size + right, rank);
    results.push(result);
    rank += 1;
  }
  return { ranks, results, size };
}

function merged(ids: number[], merges: Merges): number[] {
  return ids.length <= shortWord ? mergedShort(ids, merges) : mergedLong(ids, merges);
}

function mergedShort(ids: number[], { ranks, results, size }: Merges): number[] {
  const rankOf = (index: number): number => ranks.get(ids[index]! * size + ids[index + 1]!) ?? Infinity;
  const pairs = Array.from({ length: Math.max(0, ids.length - 1) }, (_, index) => rankOf(index));
  for (;;) {
    let best = -1;
    let least = Infinity;
    for (let index = 0; index < pairs.length; index += 1) {
      if (pairs[index]! < least) {
        least = pairs[index]!;
        best = index;
      }
    }
    if (best < 0) return ids;
    ids.splice(best, 2, results[least]!);
    pairs.splice(best, 1);
    if (best < pairs.length) pairs[best] = rankOf(best);
    if (best > 0) pairs[best - 1] = rankOf(best - 1);
  }
}

/** Same result with a priority queue of pairs by rank and position, in O(n log n). */
function mergedLong(ids: number[], { ranks, results, size }: Merges): number[] {
  const { length } = ids;
  const next = Int32Array.from({ length }, (_, index) => (index + 1 < length ? index + 1 : -1));
  const previous = Int32Array.from({ length }, (_, index) => index - 1);
  // rank × length + position; exact below 2^53.
  const queue: number[] = [];
  const push = (place: number): void => {
    const follower = next[place]!;
    if (follower < 0) return;
    const rank = ranks.get(ids[place]! * size + ids[follower]!);
    if (rank === undefined) return;
    const key = rank * length + place;
    let at = queue.length;
    queue.push(key);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (queue[parent]! <= key) break;
      queue[at] = queue[parent]!;
      at = parent;
    }
    queue[at] = key;
  };
  const pop = (): number => {
    const top = queue[0]!;
    const last = queue.pop()!;
    if (queue.length > 0) {
      let at = 0;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= queue.length) break;
        if (child + 1 < queue.length && queue[child + 1]! < queue[child]!) child += 1;
        if (queue[child]! >= last) break;
        queue[at] = queue[child]!;
        at = child;
      }
      queue[at] = last;
    }
    return top;
  };
  const gone = new Uint8Array(length);
  for (let place = 0; place < length; place += 1) push(place);
  while (queue.length > 0) {
    const key = pop();
    const place = key % length;
    const rank = (key - place) / length;
    const follower = next[place]!;
    if (gone[place] === 1 || follower < 0 || ranks.get(ids[place]! * size + ids[follower]!) !== rank) continue;
    ids[place] = results[rank]!;
    gone[follower] = 1;
    next[place] = next[follower]!;
    if (next[place]! >= 0) previous[next[place]!] = place;
    if (previous[place]! >= 0) push(previous[place]!);
    push(place);
  }
  return ids.filter((_, index) => gone[index] === 0);
}
