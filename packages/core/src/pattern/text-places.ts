import { anything, type CharacterSet, lineFeed, union } from './character-set';
import type { PatternNode } from './syntax-tree';

export const notLineFeed = union(['[^\\n]']);

export const textStart: PatternNode = { type: 'edge', set: anything, behind: true, negative: true };
export const textEnd: PatternNode = { type: 'edge', set: anything, behind: false, negative: true };
export const lineEnd: PatternNode = { type: 'edge', set: notLineFeed, behind: false, negative: true };
export const beforeLastLineFeed: PatternNode = {
  type: 'look',
  behind: false,
  negative: false,
  body: { type: 'choice', options: [textEnd, { type: 'sequence', items: [{ type: 'set', set: lineFeed }, textEnd] }] },
};
export const notEmptyText: PatternNode = {
  type: 'choice',
  options: [true, false].map((behind) => ({ type: 'edge', set: anything, behind, negative: false })),
};
/** Start of a line: at the start or after a line feed. Oniguruma excludes the position after a final line feed. */
export function lineStart(notAtEnd: boolean): PatternNode {
  const afterLineFeed: PatternNode = { type: 'edge', set: lineFeed, behind: true, negative: false };
  const beforeSomething: PatternNode = { type: 'edge', set: anything, behind: false, negative: false };
  return {
    type: 'choice',
    options: [textStart, notAtEnd ? { type: 'sequence', items: [afterLineFeed, beforeSomething] } : afterLineFeed],
  };
}
export function boundary(word: CharacterSet, negative: boolean): PatternNode {
  const edge = (behind: boolean, outside: boolean): PatternNode => ({
    type: 'edge',
    set: word,
    behind,
    negative: outside,
  });
  const pair = (before: boolean, after: boolean): PatternNode => ({
    type: 'sequence',
    items: [edge(true, before), edge(false, after)],
  });
  const place: PatternNode = {
    type: 'choice',
    options: negative ? [pair(false, false), pair(true, true)] : [pair(false, true), pair(true, false)],
  };
  boundaries.add(place);
  return place;
}
/** Word boundaries, which are represented as alternatives. */
const boundaries = new WeakSet<PatternNode>();
/** Whether Oniguruma forbids a quantifier here: an assertion, or alternatives that include one. */
export function isPlace(node: PatternNode): boolean {
  if (node.type === 'choice') return boundaries.has(node) || node.options.some(isPlace);
  return node.type === 'look' || node.type === 'edge';
}
/** A group whose assertions do not count as such for a following quantifier. */
export function asOne(body: PatternNode): PatternNode {
  return isPlace(body) ? { type: 'sequence', items: [body] } : body;
}
