import { SubtextError } from '../subtext-error';

/** Options of {@link parseJson}. */
export interface ParseJsonOptions {
  text: string;
  /** Name for error messages, usually the path. */
  name: string;
  /** Maximum nesting depth. Default 200: no model file needs more, and deeper nesting overflows the stack of readers. */
  depth?: number;
}

/**
 * Parses JSON from an untrusted file: limits nesting and skips a byte order mark.
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

/** Whether brackets outside strings nest deeper than `limit` levels. */
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
