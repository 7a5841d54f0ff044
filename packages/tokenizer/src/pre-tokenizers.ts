import { toByteCharacters } from './byte-characters';
import { ComponentSettings } from './component-settings';
import { type Finder, finderOf, findText } from './text-pattern';
import { unsupported } from './tokenizer-error';
import type { ComponentConfiguration } from './tokenizer-file';

/**
 * Splits pieces of text into words.
 *
 * @param pieces the pieces so far
 * @param atStart whether the first piece is at the start of the text
 */
export type PreTokenizer = (pieces: readonly string[], atStart: boolean) => string[];

/** What to do with a separator. */
type Behavior = 'removed' | 'isolated' | 'mergedwithprevious' | 'mergedwithnext' | 'contiguous';

// As in GPT-2, with Unicode whitespace: JavaScript's \s differs in U+0085 and U+FEFF.
const bytePattern =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
const punctuation = '\\p{P}\\u0021-\\u002F\\u003A-\\u0040\\u005B-\\u0060\\u007B-\\u007E';
const wordCharacters = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';
const wordsAndSymbols = new RegExp(`[${wordCharacters}]+|[^${wordCharacters}\\p{White_Space}]+`, 'gu');

/** The pre-tokenizer of a tokenizer.json, as in Rust's tokenizers. */
export function createPreTokenizer(configuration: ComponentConfiguration | null): PreTokenizer | undefined {
  if (configuration === null) return undefined;
  const settings = new ComponentSettings(configuration, `the pre-tokenizer "${configuration.type}"`);
  switch (configuration.type) {
    case 'Sequence': {
      const steps = settings.components('pretokenizers').map((step) => createPreTokenizer(step)!);
      return (pieces, atStart) => steps.reduce<string[]>((current, step) => step(current, atStart), [...pieces]);
    }
    case 'ByteLevel':
      return byteLevel(settings);
    case 'Split':
      return split(settings);
    case 'Metaspace':
      return metaspace(settings);
    case 'Whitespace':
      return each((piece) => piece.match(wordsAndSymbols) ?? []);
    case 'WhitespaceSplit':
      return each((piece) => piece.match(/\P{White_Space}+/gu) ?? []);
    case 'BertPreTokenizer': {
      const pattern = new RegExp(`[^\\p{White_Space}${punctuation}]+|[${punctuation}]`, 'gu');
      return each((piece) => piece.match(pattern) ?? []);
    }
    case 'Punctuation':
      return splitBy(new RegExp(`[${punctuation}]`, 'gu'), behaviorOf(settings, 'isolated'));
    case 'Digits':
      return splitBy(/\p{N}/gu, settings.flag('individual_digits', false) ? 'isolated' : 'contiguous');
    case 'CharDelimiterSplit':
      return splitBy(findText(settings.text('delimiter')), 'removed');
    case 'FixedLength':
      return fixedLength(settings);
    default:
      throw unsupported(`the pre-tokenizer "${configuration.type}"`);
  }
}

/** Splits by a pattern, each match being a separator. Also used in training, so that it splits like inference. */
export function splitBy(separator: RegExp | Finder, behavior: Behavior, invert = false): PreTokenizer {
  const find =
    typeof separator === 'function'
      ? separator
      : (piece: string): number[] => {
          const spans: number[] = [];
          for (const match of piece.matchAll(separator)) spans.push(match.index, match.index + match[0].length);
          return spans;
        };
  return each((piece) => splitPiece(piece, find, behavior, invert).filter((part) => part !== ''));
}

function each(cut: (piece: string) => readonly string[]): PreTokenizer {
  return (pieces) => (pieces.length === 1 ? [...cut(pieces[0]!)] : pieces.flatMap(cut));
}

function byteLevel(settings: ComponentSettings): PreTokenizer {
  const addPrefixSpace = settings.flag('add_prefix_space', true);
  const useRegex = settings.flag('use_regex', true);
  return each((piece) => {
    const text = addPrefixSpace && !piece.startsWith(' ') ? ` ${piece}` : piece;
    return (useRegex ? (text.match(bytePattern) ?? []) : [text]).map(toByteCharacters);
  });
}

function split(settings: ComponentSettings): PreTokenizer {
  return splitBy(
    finderOf(settings.pattern('pattern')),
    behaviorOf(settings, 'isolated'),
    settings.flag('invert', false),
  );
}

function behaviorOf(settings: ComponentSettings, whenMissing: Behavior): Behavior {
  const behavior = settings.text('behavior', whenMissing).toLowerCase();
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

/** Splits one piece; separators are what the pattern matches, or with `invert` what it does not match. */
function splitPiece(piece: string, find: Finder, behavior: Behavior, invert: boolean): string[] {
  const parts: { text: string; separator: boolean }[] = [];
  let end = 0;
  const spans = find(piece);
  for (let index = 0; index < spans.length; index += 2) {
    const start = spans[index]!;
    if (start > end) parts.push({ text: piece.slice(end, start), separator: invert });
    end = spans[index + 1]!;
    // An empty match splits too.
    parts.push({ text: piece.slice(start, end), separator: !invert });
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

/** Replaces spaces, prepends one, and splits before each. */
function metaspace(settings: ComponentSettings): PreTokenizer {
  const replacement = settings.text('replacement', '▁');
  // Files from before prepend_scheme have add_prefix_space instead.
  const scheme = settings.text('prepend_scheme', settings.flag('add_prefix_space', true) ? 'always' : 'never');
  if (scheme !== 'always' && scheme !== 'first' && scheme !== 'never')
    throw unsupported(`the prepend_scheme "${scheme}"`);
  const cutsWords = settings.flag('split', true);
  const find = findText(replacement);
  return (pieces, atStart) =>
    pieces.flatMap((piece, index) => {
      let text = piece.replaceAll(' ', replacement);
      if ((scheme === 'always' || (scheme === 'first' && atStart && index === 0)) && !text.startsWith(replacement))
        text = replacement + text;
      return cutsWords ? splitPiece(text, find, 'mergedwithnext', false) : [text];
    });
}

function fixedLength(settings: ComponentSettings): PreTokenizer {
  const length = settings.whole('length', 5);
  if (length < 1) throw unsupported(`a FixedLength of ${length}`);
  return each((piece) => {
    const characters = Array.from(piece);
    return Array.from({ length: Math.ceil(characters.length / length) }, (_, index) =>
      characters.slice(index * length, (index + 1) * length).join(''),
    );
  });
}
