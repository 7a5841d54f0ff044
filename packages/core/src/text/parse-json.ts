import { SubtextError } from '../subtext-error';

/** Options of {@link parseJson}. */
export interface ParseJsonOptions {
  /** The text. */
  text: string;
  /** What it is, for the message: usually its path. */
  name: string;
  /** The most levels of nesting. Default 200: no file of a model needs more, and readers of deeper ones overflow. */
  depth?: number;
}

/**
 * Parses JSON from a file that may be hostile: nesting is bounded, a byte order mark passed over.
 *
 * @throws SubtextError `invalid-json`, `json-too-deep`
 */
export function parseJson({ text, name, depth = 200 }: ParseJsonOptions): unknown {
  const content = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  if (deeperThan(content, depth)) {
    throw new SubtextError({
      code: 'json-too-deep',
      message: `${name} nests deeper than ${depth} levels; no file of this kind needs that`,
    });
  }
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new SubtextError({
      code: 'invalid-json',
      message: `${name} is not JSON: ${(cause as Error).message}`,
      cause,
    });
  }
}

/** Whether brackets outside of strings are open deeper than so many levels. */
function deeperThan(text: string, limit: number): boolean {
  let level = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x22) {
      for (index += 1; index < text.length; index += 1) {
        const inside = text.charCodeAt(index);
        if (inside === 0x5c) index += 1;
        else if (inside === 0x22) break;
      }
    } else if (code === 0x5b || code === 0x7b) {
      level += 1;
      if (level > limit) return true;
    } else if (code === 0x5d || code === 0x7d) level -= 1;
  }
  return false;
}
