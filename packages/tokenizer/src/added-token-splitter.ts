import type { AddedToken } from './tokenizer-file';

interface TrieNode {
  children: Map<string, TrieNode>;
  token: AddedToken | undefined;
}

/** A piece of text: plain text, or an added token. */
export interface TextPiece {
  text: string;
  token: AddedToken | undefined;
  /** Start of the piece in the original text. */
  start: number;
}

const wordCharacter = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

/** Splits text at added tokens: leftmost first, the longest if several start at the same position. */
export class AddedTokenSplitter {
  readonly #root: TrieNode = { children: new Map(), token: undefined };

  /** @param tokens each with the text to search for */
  constructor(tokens: Iterable<{ text: string; token: AddedToken }>) {
    for (const { text, token } of tokens) {
      if (text.length === 0) continue;
      let node = this.#root;
      for (let index = 0; index < text.length; index += 1) {
        let next = node.children.get(text[index]!);
        if (next === undefined) {
          next = { children: new Map(), token: undefined };
          node.children.set(text[index]!, next);
        }
        node = next;
      }
      node.token ??= token;
    }
  }

  /** The pieces of a text in order; they cover the text except for whitespace that tokens strip. */
  split(text: string): TextPiece[] {
    if (this.#root.children.size === 0) return text.length === 0 ? [] : [{ text, token: undefined, start: 0 }];
    const pieces: TextPiece[] = [];
    let plainStart = 0;
    let position = 0;
    while (position < text.length) {
      const match = this.#matchAt(text, position);
      if (match === undefined) {
        position += 1;
        continue;
      }
      let { end } = match;
      let start = position;
      if (match.token.single_word && (isWord(text, start, -1) || isWord(text, end, 1))) {
        position = end;
        continue;
      }
      if (match.token.lstrip) while (start > plainStart && isSpace(text[start - 1]!)) start -= 1;
      if (match.token.rstrip) while (end < text.length && isSpace(text[end]!)) end += 1;
      if (start > plainStart) pieces.push({ text: text.slice(plainStart, start), token: undefined, start: plainStart });
      pieces.push({ text: text.slice(start, end), token: match.token, start });
      // Whitespace stripped by a token is still searched for further tokens, as in the reference.
      position = match.end;
      plainStart = end;
    }
    if (plainStart < text.length) pieces.push({ text: text.slice(plainStart), token: undefined, start: plainStart });
    return pieces;
  }

  #matchAt(text: string, position: number): { token: AddedToken; end: number } | undefined {
    let node = this.#root.children.get(text[position]!);
    let found: { token: AddedToken; end: number } | undefined;
    for (let end = position + 1; node !== undefined; end += 1) {
      if (node.token !== undefined) found = { token: node.token, end };
      if (end === text.length) break;
      node = node.children.get(text[end]!);
    }
    return found;
  }
}

function isSpace(character: string): boolean {
  return /\p{White_Space}/u.test(character);
}

/** Whether the character before (−1) or after (1) a position is part of a word. */
function isWord(text: string, position: number, direction: -1 | 1): boolean {
  const neighbour =
    direction === 1
      ? String.fromCodePoint(text.codePointAt(position) ?? 0x20)
      : [...text.slice(Math.max(0, position - 2), position)].at(-1);
  return neighbour !== undefined && wordCharacter.test(neighbour);
}
