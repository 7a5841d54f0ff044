import { SplitPreTokenizer } from '@huggingface/tokenizers';
import { toByteCharacters } from './byte-characters';
import { TokenizerError, unsupported } from './tokenizer-error';
import type { ComponentConfiguration } from './tokenizer-file';

/**
 * Cuts pieces of text into words.
 *
 * @param pieces the pieces so far
 * @param atStart whether the first piece stands at the very start of the text
 */
export type PreTokenizer = (pieces: readonly string[], atStart: boolean) => string[];

/** What becomes of a separator found in the text. */
type Behavior = 'removed' | 'isolated' | 'mergedwithprevious' | 'mergedwithnext' | 'contiguous';

// As in GPT-2, with white space as Unicode counts it: JavaScript's \s differs in U+0085 and U+FEFF.
const bytePattern =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
const punctuation = '\\p{P}\\u0021-\\u002F\\u003A-\\u0040\\u005B-\\u0060\\u007B-\\u007E';
const wordCharacters = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';
const wordsAndSymbols = new RegExp(`[${wordCharacters}]+|[^${wordCharacters}\\p{White_Space}]+`, 'gu');

/**
 * The pre-tokenizer of a tokenizer.json. The library translates the regular expressions; the cutting follows the
 * reference (Rust tokenizers), from which the library differs for most of these.
 */
export function createPreTokenizer(configuration: ComponentConfiguration | null): PreTokenizer | undefined {
  if (configuration === null) return undefined;
  switch (configuration.type) {
    case 'Sequence': {
      const steps = ((configuration['pretokenizers'] ?? []) as ComponentConfiguration[]).map((step) => createPreTokenizer(step)!);
      return (pieces, atStart) => steps.reduce<string[]>((current, step) => step(current, atStart), [...pieces]);
    }
    case 'ByteLevel':
      return byteLevel(configuration);
    case 'Split':
      return split(configuration);
    case 'Metaspace':
      return metaspace(configuration);
    case 'Whitespace':
      return each((piece) => piece.match(wordsAndSymbols) ?? []);
    case 'WhitespaceSplit':
      return each((piece) => piece.match(/\P{White_Space}+/gu) ?? []);
    case 'BertPreTokenizer': {
      const pattern = new RegExp(`[^\\p{White_Space}${punctuation}]+|[${punctuation}]`, 'gu');
      return each((piece) => piece.match(pattern) ?? []);
    }
    case 'Punctuation':
      return splitBy(new RegExp(`[${punctuation}]`, 'gu'), behaviorOf(configuration, 'isolated'));
    case 'Digits':
      return splitBy(/\p{N}/gu, configuration['individual_digits'] === true ? 'isolated' : 'contiguous');
    case 'CharDelimiterSplit':
      return splitBy(new RegExp(escape(String(configuration['delimiter'])), 'gu'), 'removed');
    case 'FixedLength':
      return fixedLength(configuration);
    default:
      throw unsupported(`the pre-tokenizer "${configuration.type}"`);
  }
}

/** Splits by a pattern, each match a separator. Used to train tokenizers as they will run. */
export function splitBy(pattern: RegExp, behavior: Behavior, invert = false): PreTokenizer {
  return each((piece) => splitPiece(piece, pattern, behavior, invert));
}

function each(cut: (piece: string) => readonly string[]): PreTokenizer {
  return (pieces) => (pieces.length === 1 ? [...cut(pieces[0]!)] : pieces.flatMap(cut));
}

function byteLevel(configuration: ComponentConfiguration): PreTokenizer {
  const addPrefixSpace = configuration['add_prefix_space'] !== false;
  const useRegex = configuration['use_regex'] !== false;
  return each((piece) => {
    const text = addPrefixSpace && !piece.startsWith(' ') ? ` ${piece}` : piece;
    return (useRegex ? (text.match(bytePattern) ?? []) : [text]).map(toByteCharacters);
  });
}

function split(configuration: ComponentConfiguration): PreTokenizer {
  const given = configuration['pattern'] as { Regex?: string; String?: string } | undefined;
  let pattern: RegExp | null;
  if (given?.String !== undefined) {
    pattern = new RegExp(escape(given.String), 'gu');
  } else {
    try {
      ({ pattern } = new SplitPreTokenizer(configuration as never) as unknown as { pattern: RegExp | null });
    } catch (cause) {
      throw new TokenizerError({
        code: 'unsupported-component',
        message: `tokenizer.json splits by ${JSON.stringify(given)}, which JavaScript's regular expressions can't follow: ${(cause as Error).message}`,
        cause,
      });
    }
  }
  if (pattern === null) throw unsupported(`a Split without a pattern (${JSON.stringify(given)})`);
  return splitBy(pattern, behaviorOf(configuration, 'isolated'), configuration['invert'] === true);
}

function behaviorOf(configuration: ComponentConfiguration, whenMissing: Behavior): Behavior {
  const behavior = String(configuration['behavior'] ?? whenMissing).toLowerCase();
  switch (behavior) {
    case 'removed':
    case 'isolated':
    case 'mergedwithprevious':
    case 'mergedwithnext':
    case 'contiguous':
      return behavior;
    default:
      throw unsupported(`the split behavior "${behavior}"`);
  }
}

/** The cut of one piece; what the pattern matches is the separator, or with `invert` what it does not match. */
function splitPiece(piece: string, pattern: RegExp, behavior: Behavior, invert: boolean): string[] {
  const parts: { text: string; separator: boolean }[] = [];
  let end = 0;
  for (const match of piece.matchAll(pattern)) {
    if (match[0].length === 0) continue;
    if (match.index > end) parts.push({ text: piece.slice(end, match.index), separator: invert });
    end = match.index + match[0].length;
    parts.push({ text: match[0], separator: !invert });
  }
  if (end < piece.length) parts.push({ text: piece.slice(end), separator: invert });

  switch (behavior) {
    case 'isolated':
      return parts.map(({ text }) => text);
    case 'removed':
      return parts.filter(({ separator }) => !separator).map(({ text }) => text);
    case 'contiguous': {
      const joined: typeof parts = [];
      for (const part of parts) {
        const previous = joined.at(-1);
        if (previous !== undefined && previous.separator === part.separator) previous.text += part.text;
        else joined.push({ ...part });
      }
      return joined.map(({ text }) => text);
    }
    case 'mergedwithprevious': {
      const joined: string[] = [];
      let previousSeparator = false;
      for (const { text, separator } of parts) {
        if (separator && !previousSeparator && joined.length > 0) joined[joined.length - 1] += text;
        else joined.push(text);
        previousSeparator = separator;
      }
      return joined;
    }
    case 'mergedwithnext': {
      const joined: string[] = [];
      let followingSeparator = false;
      for (const { text, separator } of parts.reverse()) {
        if (separator && !followingSeparator && joined.length > 0) joined[joined.length - 1] = text + joined.at(-1)!;
        else joined.push(text);
        followingSeparator = separator;
      }
      return joined.reverse();
    }
  }
}

/** Spaces become the replacement, one is put at the start, and words start at each. */
function metaspace(configuration: ComponentConfiguration): PreTokenizer {
  const replacement = String(configuration['replacement'] ?? '▁');
  // Files from before prepend_scheme have add_prefix_space instead.
  const scheme = configuration['prepend_scheme'] ?? (configuration['add_prefix_space'] === false ? 'never' : 'always');
  if (scheme !== 'always' && scheme !== 'first' && scheme !== 'never') throw unsupported(`the prepend_scheme "${String(scheme)}"`);
  const cutsWords = configuration['split'] !== false;
  const pattern = new RegExp(escape(replacement), 'gu');
  return (pieces, atStart) =>
    pieces.flatMap((piece, index) => {
      let text = piece.replaceAll(' ', replacement);
      if ((scheme === 'always' || (scheme === 'first' && atStart && index === 0)) && !text.startsWith(replacement)) text = replacement + text;
      return cutsWords ? splitPiece(text, pattern, 'mergedwithnext', false) : [text];
    });
}

function fixedLength(configuration: ComponentConfiguration): PreTokenizer {
  const length = Number(configuration['length'] ?? 5);
  if (!Number.isSafeInteger(length) || length < 1) throw unsupported(`a FixedLength of ${String(configuration['length'])}`);
  return each((piece) => {
    const characters = Array.from(piece);
    return Array.from({ length: Math.ceil(characters.length / length) }, (_, index) => characters.slice(index * length, (index + 1) * length).join(''));
  });
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
