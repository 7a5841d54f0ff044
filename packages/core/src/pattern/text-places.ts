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
/** After a line feed or at the start; Oniguruma does not count the place after the text's last line feed. */
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
/** Word boundaries, which look like alternatives. */
const boundaries = new WeakSet<PatternNode>();
/** What Oniguruma lets no quantifier follow: a place in the text, or alternatives with one among them. */
export function isPlace(node: PatternNode): boolean {
  if (node.type === 'choice') return boundaries.has(node) || node.options.some(isPlace);
  return node.type === 'look' || node.type === 'edge';
}
/** A group that is more than brackets: a place in it is no place for what follows. */
export function asOne(body: PatternNode): PatternNode {
  return isPlace(body) ? { type: 'sequence', items: [body] } : body;
}
