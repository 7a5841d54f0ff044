import { operation, type Program } from './program';
import { Budget } from './matcher-budget';

/** Text positions per block of memory. */
const blockPlaces = 256;

/** One bit per search state and text position. */
class StateBits {
  readonly #states: number;
  readonly #budget: Budget;
  readonly #blocks = new Map<number, Uint32Array>();
  #current: Uint32Array | undefined;
  #currentIndex = -1;
  #oldest = 0;

  constructor(states: number, budget: Budget) {
    this.#states = states;
    this.#budget = budget;
  }

  has(state: number, place: number): boolean {
    const block = this.#block(place, false);
    if (block === undefined) return false;
    const bit = (place % blockPlaces) * this.#states + state;
    return ((block[bit >>> 5]! >>> (bit & 31)) & 1) === 1;
  }

  add(state: number, place: number): void {
    const bit = (place % blockPlaces) * this.#states + state;
    this.#block(place, true)![bit >>> 5]! |= 1 << (bit & 31);
  }

  remove(state: number, place: number): void {
    const bit = (place % blockPlaces) * this.#states + state;
    this.#block(place, true)![bit >>> 5]! &= ~(1 << (bit & 31));
  }

  /** Frees positions that the search never returns to. */
  forgetBefore(place: number): void {
    const first = Math.floor(place / blockPlaces);
    for (; this.#oldest < first; this.#oldest += 1) {
      const block = this.#blocks.get(this.#oldest);
      if (block === undefined) continue;
      this.#blocks.delete(this.#oldest);
      this.#budget.give(block.length);
      if (this.#currentIndex === this.#oldest) this.#currentIndex = -1;
    }
  }

  #block(place: number, make: boolean): Uint32Array | undefined {
    const index = Math.floor(place / blockPlaces);
    if (index === this.#currentIndex) return this.#current;
    let block = this.#blocks.get(index);
    if (block === undefined) {
      if (!make) return undefined;
      const words = Math.ceil((this.#states * blockPlaces) / 32);
      this.#budget.take(words);
      block = new Uint32Array(words);
      this.#blocks.set(index, block);
    }
    this.#current = block;
    this.#currentIndex = index;
    return block;
  }
}

/**
 * Runs a program over one text. Tries alternatives in order, as backtracking engines do, but memoizes which states failed
 * at which positions, so that none is tried twice: the time is bounded by the length of the text times the size of the
 * expression.
 */
export class Matcher {
  readonly #program: Program;
  readonly #text: string;
  readonly #budget: Budget;
  readonly #whole: boolean;
  readonly #byUnits: boolean;
  readonly #parts: (Matcher | undefined)[] = [];
  readonly #failed: StateBits;
  /** States that led to a match; for look-arounds, which need only a yes or no. */
  #succeeded: StateBits | undefined;
  #stack = new Int32Array(256);
  #log = new Int32Array(256);

  constructor(options: { program: Program; text: string; budget: Budget; whole?: boolean; byUnits: boolean }) {
    this.#program = options.program;
    this.#text = options.text;
    this.#budget = options.budget;
    this.#whole = options.whole ?? false;
    this.#byUnits = options.byUnits;
    this.#failed = new StateBits(Math.max(1, this.#program.splits << this.#program.flags), this.#budget);
  }

  /** Start and end of the first match at or after a position; undefined if there is none. */
  search(from: number): { start: number; end: number } | undefined {
    for (let start = from; start <= this.#text.length; start += 1) {
      if ((start & 255) === 0) this.#failed.forgetBefore(start);
      if (!this.#byUnits && insidePair(this.#text, start)) continue;
      const end = this.run(start, false);
      if (end >= 0) return { start, end };
    }
    return undefined;
  }

  /** End of the match that starts exactly at `start`; -1 if there is none. `asks`: only existence matters. */
  run(start: number, asks: boolean): number {
    const { code, sets, splitNumbers, flags: flagCount, backward } = this.#program;
    const text = this.#text;
    const length = text.length;
    let instruction = 0;
    let place = start;
    const tookSome = (1 << flagCount) - 1;
    let flags = 0;
    let depth = 0;
    let logged = 0;
    let steps = 0;
    if (asks) this.#succeeded ??= new StateBits(Math.max(1, this.#program.splits << flagCount), this.#budget);
    for (;;) {
      steps += 1;
      if (steps >= 4096) {
        this.#budget.spend(steps);
        steps = 0;
      }
      const at = instruction * 4;
      let failed = false;
      switch (code[at]) {
        case operation.character: {
          const unit = backward ? this.#before(place) : this.#after(place);
          if (unit >= 0 && sets[code[at + 1]!]!.has(unit)) {
            place += backward ? -(unit > 0xffff ? 2 : 1) : unit > 0xffff ? 2 : 1;
            flags = tookSome;
            instruction = code[at + 2]!;
          } else failed = true;
          break;
        }
        case operation.split: {
          const state = (splitNumbers[instruction]! << flagCount) | flags;
          if (this.#failed.has(state, place)) {
            failed = true;
            break;
          }
          if (asks && this.#succeeded!.has(state, place)) {
            this.#settle(logged, asks);
            this.#budget.spend(steps);
            return place;
          }
          this.#failed.add(state, place);
          if (2 * logged + 2 > this.#log.length) this.#log = grown(this.#log);
          this.#log[2 * logged] = state;
          this.#log[2 * logged + 1] = place;
          logged += 1;
          if (4 * depth + 4 > this.#stack.length) {
            if (this.#stack.length >= 2 ** 26) this.#budget.spend(Infinity);
            this.#stack = grown(this.#stack);
          }
          this.#stack[4 * depth] = code[at + 2]!;
          this.#stack[4 * depth + 1] = place;
          this.#stack[4 * depth + 2] = flags;
          this.#stack[4 * depth + 3] = logged;
          depth += 1;
          instruction = code[at + 1]!;
          break;
        }
        case operation.jump:
          instruction = code[at + 1]!;
          break;
        case operation.edge: {
          const kind = code[at + 3]!;
          const unit = (kind & 2) === 2 ? this.#before(place) : this.#after(place);
          if ((unit >= 0 && sets[code[at + 1]!]!.has(unit)) === ((kind & 1) === 0)) instruction = code[at + 2]!;
          else failed = true;
          break;
        }
        case operation.look:
          if (this.#part(code[at + 1]!).run(place, true) >= 0 === (code[at + 3] === 0)) instruction = code[at + 2]!;
          else failed = true;
          break;
        case operation.atomic: {
          const end = this.#part(code[at + 1]!).run(place, false);
          if (end >= 0) {
            if (end !== place) flags = tookSome;
            place = end;
            instruction = code[at + 2]!;
          } else failed = true;
          break;
        }
        case operation.startRound:
          flags &= ~(1 << code[at + 1]!);
          instruction = code[at + 2]!;
          break;
        case operation.endRound: {
          const next = ((flags >>> code[at + 1]!) & 1) === 1 ? code[at + 2]! : code[at + 3]!;
          if (next >= 0) instruction = next;
          else failed = true;
          break;
        }
        default:
          if (this.#whole && place !== length) {
            failed = true;
            break;
          }
          this.#settle(logged, asks);
          this.#budget.spend(steps);
          return place;
      }
      if (failed) {
        if (depth === 0) {
          this.#budget.spend(steps);
          return -1;
        }
        depth -= 1;
        instruction = this.#stack[4 * depth]!;
        place = this.#stack[4 * depth + 1]!;
        flags = this.#stack[4 * depth + 2]!;
        logged = this.#stack[4 * depth + 3]!;
      }
    }
  }

  /** Clears the failure bits of the states on the path to a match. */
  #settle(logged: number, asks: boolean): void {
    this.#budget.spend(logged);
    for (let index = 0; index < logged; index += 1) {
      const state = this.#log[2 * index]!;
      const place = this.#log[2 * index + 1]!;
      this.#failed.remove(state, place);
      if (asks) this.#succeeded!.add(state, place);
    }
  }

  #part(index: number): Matcher {
    return (this.#parts[index] ??= new Matcher({
      program: this.#program.programs[index]!,
      text: this.#text,
      budget: this.#budget,
      byUnits: this.#byUnits,
    }));
  }

  #after(place: number): number {
    if (place >= this.#text.length) return -1;
    return this.#byUnits ? this.#text.charCodeAt(place) : this.#text.codePointAt(place)!;
  }

  #before(place: number): number {
    if (place <= 0) return -1;
    const unit = this.#text.charCodeAt(place - 1);
    if (this.#byUnits || unit < 0xdc00 || unit > 0xdfff || place < 2) return unit;
    const lead = this.#text.charCodeAt(place - 2);
    return lead >= 0xd800 && lead <= 0xdbff ? (lead - 0xd800) * 0x400 + (unit - 0xdc00) + 0x10000 : unit;
  }
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}

/** Whether a position is inside a surrogate pair. */
export function insidePair(text: string, place: number): boolean {
  const unit = text.charCodeAt(place);
  if (place === 0 || !(unit >= 0xdc00 && unit <= 0xdfff)) return false;
  const before = text.charCodeAt(place - 1);
  return before >= 0xd800 && before <= 0xdbff;
}
