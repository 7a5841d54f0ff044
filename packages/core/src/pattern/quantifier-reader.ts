import { ClassReader } from './class-reader';
import { PatternError } from './pattern-error';
import type { PatternNode } from './syntax-tree';
import { isPlace } from './text-places';

/** Reads quantifiers. */
export class QuantifierReader extends ClassReader {
  protected quantified(atom: PatternNode, anchor: boolean): PatternNode {
    let node = atom;
    for (let count = 0; ; count += 1) {
      while (this.flags.extended && this.peek() !== undefined && this.skipExtended());
      const start = this.place;
      const bounds = this.quantifier();
      if (bounds === undefined) return node;
      if (count > 0 && this.dialect !== 'oniguruma') throw this.invalid('a quantifier after a quantifier');
      if (count > 20)
        throw new PatternError({
          code: 'pattern-too-large',
          message: 'the regular expression has more than 20 quantifiers in a row',
        });
      const { minimum, maximum } = bounds;
      const interval = this.characters[start] === '{';
      const after = this.peek();
      if (anchor || (this.dialect === 'oniguruma' && isPlace(node)))
        throw this.invalid('a quantifier after an assertion');
      if (node.type === 'look' || node.type === 'edge') {
        // For a look-around only zero or more than zero repetitions make a difference.
        node = {
          type: 'repeat',
          body: node,
          minimum: Math.min(minimum, 1),
          maximum: Math.min(maximum, 1),
          greedy: true,
        };
        if (after === '?' || (after === '+' && this.dialect !== 'javascript')) this.place += 1;
        continue;
      }
      const repeat = (greedy: boolean): PatternNode => ({ type: 'repeat', body: node, minimum, maximum, greedy });
      if (after === '?' && !(interval && this.dialect === 'oniguruma' && minimum === maximum && bounds.fixed)) {
        this.place += 1;
        node = repeat(false);
      } else if (after === '+' && this.dialect !== 'javascript' && !(interval && this.dialect === 'oniguruma')) {
        this.place += 1;
        node = { type: 'atomic', body: repeat(true) };
      } else node = repeat(true);
    }
  }

  /** `*`, `+`, `?` or `{n,m}`; undefined if none follows. */
  protected quantifier(): { minimum: number; maximum: number; fixed: boolean } | undefined {
    const character = this.peek();
    const simple =
      character === '*' ? [0, Infinity] : character === '+' ? [1, Infinity] : character === '?' ? [0, 1] : undefined;
    if (simple !== undefined) {
      this.place += 1;
      return { minimum: simple[0]!, maximum: simple[1]!, fixed: false };
    }
    if (character !== '{') return undefined;
    const match = /^\{(\d{0,7})(,)?(\d{0,7})\}/.exec(this.characters.slice(this.place, this.place + 20).join(''));
    if (match === null) {
      if (/^\{\d*(,\d*)?\}/.test(this.characters.slice(this.place, this.place + 400).join(''))) throw this.tooMany();
      return undefined;
    }
    const [all, low, comma, high] = match as unknown as [string, string, string | undefined, string];
    if (low === '' && (comma === undefined || high === '' || this.dialect === 'javascript')) {
      if (low === '' && comma !== undefined && high === '' && this.dialect === 'python') {
        this.place += all.length;
        return { minimum: 0, maximum: Infinity, fixed: false };
      }
      return undefined;
    }
    const minimum = low === '' ? 0 : Number(low);
    const maximum = comma === undefined ? minimum : high === '' ? Infinity : Number(high);
    if (maximum < minimum) throw this.invalid(`the quantifier ${all}`);
    if (minimum > 1000 || (maximum !== Infinity && maximum > 1000)) throw this.tooMany();
    this.place += all.length;
    return { minimum, maximum, fixed: comma === undefined };
  }

  protected tooMany(): PatternError {
    return new PatternError({
      code: 'pattern-too-large',
      message: 'the regular expression repeats a part more than 1000 times',
    });
  }
}
