import type { PatternNode } from './syntax-tree';
import { widthOf } from './syntax-tree';

/** Upper bound on the work of JavaScript's engine at one position: `factor` × (text length) ^ `power`. */
export interface Cost {
  factor: number;
  power: number;
}

const unbounded: Cost = { factor: Infinity, power: Infinity };

/**
 * Bounds the number of paths that JavaScript's engine may try at one position. Nested quantifiers have no bound here. An
 * element that ends the match and may be empty is tried once, since nothing after it can fail.
 */
export function costOf(node: PatternNode, last = true): Cost {
  switch (node.type) {
    case 'set':
    case 'edge':
      return once;
    case 'choice':
      return node.options.map((option) => costOf(option, last)).reduce(sum);
    case 'sequence': {
      let cost = once;
      let end = last;
      for (const item of [...node.items].reverse()) {
        cost = product(costOf(item, end), cost);
        end &&= neverFails(item);
      }
      return cost;
    }
    case 'look':
    case 'atomic':
      return costOf(node.body, false);
    case 'repeat': {
      const { body, maximum, minimum } = node;
      if (maximum === 0) return once;
      const cost = costOf(body, false);
      if (maximum === 1) return { factor: cost.factor + 1, power: cost.power };
      // With more than one path through the body, the number of paths multiplies with each iteration.
      if (cost.factor > 1 || cost.power > 0 || widthOf(body).minimum === 0) return unbounded;
      if (last && body.type === 'set') return once;
      return maximum === Infinity ? { factor: 1, power: 1 } : { factor: maximum - minimum + 1, power: 0 };
    }
  }
}

const once: Cost = { factor: 1, power: 0 };

/** Whether a node matches at every position. */
function neverFails(node: PatternNode): boolean {
  return node.type === 'repeat' && node.minimum === 0 && node.body.type === 'set';
}

function sum(first: Cost, second: Cost): Cost {
  return { factor: first.factor + second.factor, power: Math.max(first.power, second.power) };
}

function product(first: Cost, second: Cost): Cost {
  return { factor: first.factor * second.factor, power: first.power + second.power };
}

/** The same expression as source for a JavaScript `RegExp` with the `v` flag. */
export function nativeSource(node: PatternNode): string {
  let groups = 0;
  const write = (part: PatternNode): string => {
    switch (part.type) {
      case 'set':
        return part.set.source.startsWith('[') ? part.set.source : `[${part.set.source}]`;
      case 'sequence':
        return part.items.map((item) => (item.type === 'choice' ? `(?:${write(item)})` : write(item))).join('');
      case 'choice':
        return part.options.map(write).join('|');
      case 'repeat': {
        const { minimum, maximum, greedy } = part;
        const bounds =
          minimum === 0 && maximum === Infinity
            ? '*'
            : minimum === 1 && maximum === Infinity
              ? '+'
              : minimum === 0 && maximum === 1
                ? '?'
                : `{${minimum},${maximum === Infinity ? '' : maximum}}`;
        return `(?:${write(part.body)})${bounds}${greedy ? '' : '?'}`;
      }
      case 'atomic': {
        // Engines do not backtrack into a look-ahead, which makes this group atomic.
        groups += 1;
        const number = groups;
        return `(?=(${write(part.body)}))\\${number}`;
      }
      case 'look':
        return `(?${part.behind ? '<' : ''}${part.negative ? '!' : '='}${write(part.body)})`;
      case 'edge':
        return `(?${part.behind ? '<' : ''}${part.negative ? '!' : '='}${write({ type: 'set', set: part.set })})`;
    }
  };
  return write(node);
}

/** Whether JavaScript's semantics agree: its loops end differently if an iteration may be empty. */
export function isNative(node: PatternNode): boolean {
  switch (node.type) {
    case 'set':
    case 'edge':
      return true;
    case 'sequence':
      return node.items.every(isNative);
    case 'choice':
      return node.options.every(isNative);
    case 'look':
    case 'atomic':
      return isNative(node.body);
    case 'repeat':
      return isNative(node.body) && (node.minimum === node.maximum || widthOf(node.body).minimum > 0);
  }
}
