import { compilePattern, PatternError } from '@subtext/core';
import { TokenizerError } from './tokenizer-error';

/** Finds matches in a text: start and end of each in turn, in UTF-16 units. */
export type Finder = (text: string) => readonly number[];

/** Finds a literal string. */
export function findText(wanted: string): Finder {
  // The reference compiles it to a regular expression: an empty one matches between all characters.
  if (wanted === '') return findExpression('');
  return (text) => {
    const spans: number[] = [];
    for (let place = text.indexOf(wanted); place >= 0; place = text.indexOf(wanted, place + wanted.length))
      spans.push(place, place + wanted.length);
    return spans;
  };
}

/**
 * Finds matches of a regular expression in tokenizer.json, with Oniguruma's semantics.
 *
 * @throws TokenizerError `unsupported-component`; the returned finder throws `pattern-too-slow`
 */
function findExpression(source: string): Finder {
  const named = <Result>(action: () => Result): Result => {
    try {
      return action();
    } catch (cause) {
      if (!PatternError.isInstance(cause)) throw cause;
      const code = cause.code === 'pattern-too-slow' ? 'pattern-too-slow' : 'unsupported-component';
      throw new TokenizerError({
        code,
        message: `tokenizer.json splits or replaces by ${JSON.stringify(source.length > 200 ? `${source.slice(0, 200)}…` : source)}: ${cause.message}`,
        cause,
      });
    }
  };
  const pattern = named(() => compilePattern({ source, dialect: 'oniguruma' }));
  // The reference finds no match in an empty text.
  return (text) => (text === '' ? [] : named(() => pattern.spans(text)));
}

/** The pattern of a component's settings. */
export function finderOf(pattern: { text: string } | { expression: string }): Finder {
  return 'text' in pattern ? findText(pattern.text) : findExpression(pattern.expression);
}

/** Replaces all matches in a text. */
export function replaceFound(text: string, find: Finder, content: string): string {
  const spans = find(text);
  if (spans.length === 0) return text;
  let result = '';
  let end = 0;
  for (let index = 0; index < spans.length; index += 2) {
    result += text.slice(end, spans[index]) + content;
    end = spans[index + 1]!;
  }
  return result + text.slice(end);
}
