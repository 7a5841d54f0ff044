import type { CharacterSet } from './character-set';

/** Syntax tree of a regular expression. Captures are dropped. */
export type PatternNode =
  | { type: 'set'; set: CharacterSet }
  | { type: 'sequence'; items: PatternNode[] }
  | { type: 'choice'; options: PatternNode[] }
  | { type: 'repeat'; body: PatternNode; minimum: number; maximum: number; greedy: boolean }
  | { type: 'atomic'; body: PatternNode }
  | { type: 'look'; body: PatternNode; behind: boolean; negative: boolean }
  /** Assertion about a neighbour: the next (or previous) character exists and is in the set. */
  | { type: 'edge'; set: CharacterSet; behind: boolean; negative: boolean };

export const empty: PatternNode = { type: 'sequence', items: [] };

/** Minimum and maximum number of characters that a node consumes. */
export function widthOf(node: PatternNode): { minimum: number; maximum: number } {
  switch (node.type) {
    case 'set':
      return { minimum: 1, maximum: 1 };
    case 'sequence': {
      let minimum = 0;
      let maximum = 0;
      for (const item of node.items) {
        const width = widthOf(item);
        minimum += width.minimum;
        maximum += width.maximum;
      }
      return { minimum, maximum };
    }
    case 'choice': {
      let minimum = Infinity;
      let maximum = 0;
      for (const option of node.options) {
        const width = widthOf(option);
        minimum = Math.min(minimum, width.minimum);
        maximum = Math.max(maximum, width.maximum);
      }
      return { minimum, maximum };
    }
    case 'repeat': {
      const width = widthOf(node.body);
      return {
        minimum: width.minimum * node.minimum,
        maximum: width.maximum === 0 || node.maximum === 0 ? 0 : width.maximum * node.maximum,
      };
    }
    case 'atomic':
      return widthOf(node.body);
    case 'look':
    case 'edge':
      return { minimum: 0, maximum: 0 };
  }
}
