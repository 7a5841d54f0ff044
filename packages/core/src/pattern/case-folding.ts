import { type CharacterSet, classCharacter, union } from './character-set';

/** Last code point considered: no character above it has case. */
const lastCased = 0x1ffff;

let orbits: Map<number, number[]> | undefined;
let sequences: Map<string, number> | undefined;

/** Characters that differ only in case, by Unicode's simple case folding. Omits characters without case variants. */
function orbitsOfCase(): Map<number, number[]> {
  if (orbits !== undefined) return orbits;
  const groups = new Map<string, number[]>();
  for (let code = 0; code <= lastCased; code += 1) {
    // Surrogates, and the Turkish letters, whose case folding applies in Turkish only.
    if ((code >= 0xd800 && code <= 0xdfff) || code === 0x130 || code === 0x131) continue;
    const character = String.fromCodePoint(code);
    const upper = single(character.toUpperCase()) ?? character;
    const key = single(upper.toLowerCase()) ?? upper;
    if (key === character && upper === character) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [code]);
    else group.push(code);
  }
  orbits = new Map();
  for (const [key, group] of groups) {
    const keyCode = key.codePointAt(0)!;
    const all = group.includes(keyCode) ? group : [keyCode, ...group];
    if (all.length > 1) for (const code of all) orbits.set(code, all);
  }
  return orbits;
}

function single(text: string): string | undefined {
  return text.length === (text.codePointAt(0)! > 0xffff ? 2 : 1) ? text : undefined;
}

/** Characters whose full case folding has several characters (ß to ss), keyed by that folding. */
export function foldingSequences(): Map<string, number> {
  if (sequences !== undefined) return sequences;
  sequences = new Map();
  for (let code = 0x80; code <= lastCased; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    const upper = character.toUpperCase();
    if (single(upper) === undefined) sequences.set(upper.toLowerCase(), code);
    else if (single(character.toLowerCase()) === undefined) sequences.set(character.toLowerCase(), code);
  }
  return sequences;
}

/** A character and its case variants. Python's `re` also folds the Turkish letters with i. */
export function withoutCase(code: number, turkish: boolean): number[] {
  if (code < 0x80) {
    const lower = code | 0x20;
    if (lower < 0x61 || lower > 0x7a) return [code];
    const both = [lower, lower - 0x20];
    if (lower === 0x6b) both.push(0x212a);
    if (lower === 0x73) both.push(0x17f);
    if (lower === 0x69 && turkish) both.push(0x130, 0x131);
    return both;
  }
  if (turkish && (code === 0x130 || code === 0x131)) return [0x49, 0x69, 0x130, 0x131];
  return orbitsOfCase().get(code) ?? [code];
}

/** A character set extended by the case variants of its members. */
export function setWithoutCase(
  set: CharacterSet,
  { turkish, ascii }: { turkish: boolean; ascii: boolean },
): CharacterSet {
  const more: string[] = [];
  if (ascii) {
    for (let code = 0x41; code <= 0x5a; code += 1) {
      if (set.has(code) !== set.has(code + 0x20)) more.push(classCharacter(set.has(code) ? code + 0x20 : code));
    }
  } else {
    for (const [code, orbit] of orbitsOfCase()) {
      if (!set.has(code) && orbit.some((other) => set.has(other))) more.push(classCharacter(code));
    }
    if (turkish) {
      const letters = [0x49, 0x69, 0x130, 0x131];
      if (letters.some((code) => set.has(code))) more.push(...letters.map(classCharacter));
    }
  }
  return more.length === 0 ? set : union([set.source, ...more]);
}
