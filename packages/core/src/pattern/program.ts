import type { CharacterSet } from './character-set';
import { PatternError } from './pattern-error';
import { type PatternNode, widthOf } from './syntax-tree';

export const operation = {
  character: 0,
  split: 1,
  jump: 2,
  edge: 3,
  look: 4,
  atomic: 5,
  startRound: 6,
  endRound: 7,
  match: 8,
} as const;

/**
 * An expression compiled to instructions for `Matcher`. Each has four numbers, the first of which is the operation:
 * character: set, next; split: first choice, second; jump: next; edge: set, next, 1 negative + 2 behind;
 * look: program, next, 1 negative; atomic: program, next; startRound: flag, next; endRound: flag, next if the iteration
 * consumed characters, next if it consumed none (−1: fail).
 */
export interface Program {
  code: Int32Array;
  sets: readonly CharacterSet[];
  programs: readonly Program[];
  /** Matches backwards from the end of the match to its start, for look-behind. */
  backward: boolean;
  /** Number of flag bits: one per loop with a possibly empty body, set once the current iteration consumed characters. */
  flags: number;
  /** Number of splits, the points the search backtracks to. */
  splits: number;
  /** Split number of each instruction. */
  splitNumbers: Int32Array;
}

/** Maximum number of instructions in all parts; enough for any expression of a model. */
const mostInstructions = 50_000;

export function compileProgram(node: PatternNode, emptyRoundFails: boolean): Program {
  return new ProgramBuilder({ count: 0 }, false, emptyRoundFails).build(node);
}

class ProgramBuilder {
  readonly #total: { count: number };
  readonly #code: number[] = [];
  readonly #sets: CharacterSet[] = [];
  readonly #setNumbers = new Map<CharacterSet, number>();
  readonly #programs: Program[] = [];
  readonly #backward: boolean;
  readonly #emptyRoundFails: boolean;
  #openFlags = 0;
  #mostFlags = 0;

  constructor(total: { count: number }, backward: boolean, emptyRoundFails: boolean) {
    this.#total = total;
    this.#backward = backward;
    this.#emptyRoundFails = emptyRoundFails;
  }

  build(node: PatternNode): Program {
    this.#add(node);
    this.#emit(operation.match);
    const code = Int32Array.from(this.#code);
    const splitNumbers = new Int32Array(code.length / 4);
    let splits = 0;
    for (let index = 0; index < splitNumbers.length; index += 1)
      if (code[4 * index] === operation.split) splitNumbers[index] = splits++;
    return {
      code,
      sets: this.#sets,
      programs: this.#programs,
      backward: this.#backward,
      flags: this.#mostFlags,
      splits,
      splitNumbers,
    };
  }

  get #next(): number {
    return this.#code.length / 4;
  }

  #emit(kind: number, first = 0, second = 0, third = 0): number {
    this.#total.count += 1;
    if (this.#total.count > mostInstructions) {
      throw new PatternError({
        code: 'pattern-too-large',
        message: `the regular expression compiles to more than ${mostInstructions} instructions; its repetition counts are too large`,
      });
    }
    this.#code.push(kind, first, second, third);
    return this.#next - 1;
  }

  #patch(instruction: number, operand: number, value: number): void {
    this.#code[4 * instruction + operand] = value;
  }

  #set(set: CharacterSet): number {
    let number = this.#setNumbers.get(set);
    if (number === undefined) {
      number = this.#sets.push(set) - 1;
      this.#setNumbers.set(set, number);
    }
    return number;
  }

  #program(node: PatternNode, backward: boolean): number {
    return this.#programs.push(new ProgramBuilder(this.#total, backward, this.#emptyRoundFails).build(node)) - 1;
  }

  #add(node: PatternNode): void {
    switch (node.type) {
      case 'set': {
        const here = this.#emit(operation.character, this.#set(node.set));
        this.#patch(here, 2, this.#next);
        break;
      }
      case 'sequence': {
        const items = this.#backward ? [...node.items].reverse() : node.items;
        for (const item of items) this.#add(item);
        break;
      }
      case 'choice': {
        const jumps: number[] = [];
        for (const [index, option] of node.options.entries()) {
          const last = index === node.options.length - 1;
          const split = last ? undefined : this.#emit(operation.split, this.#next + 1);
          this.#add(option);
          if (!last) jumps.push(this.#emit(operation.jump));
          if (split !== undefined) this.#patch(split, 2, this.#next);
        }
        for (const jump of jumps) this.#patch(jump, 1, this.#next);
        break;
      }
      case 'repeat':
        this.#repeat(node);
        break;
      case 'atomic': {
        const here = this.#emit(operation.atomic, this.#program(node.body, this.#backward));
        this.#patch(here, 2, this.#next);
        break;
      }
      case 'look': {
        const here = this.#emit(operation.look, this.#program(node.body, node.behind), 0, node.negative ? 1 : 0);
        this.#patch(here, 2, this.#next);
        break;
      }
      case 'edge': {
        const here = this.#emit(
          operation.edge,
          this.#set(node.set),
          0,
          (node.negative ? 1 : 0) + (node.behind ? 2 : 0),
        );
        this.#patch(here, 2, this.#next);
        break;
      }
    }
  }

  #repeat({ body, minimum, maximum, greedy }: PatternNode & { type: 'repeat' }): void {
    for (let count = 0; count < minimum; count += 1) this.#add(body);
    if (maximum === Infinity) {
      this.#loop(body, greedy);
      return;
    }
    const splits: number[] = [];
    const mayBeEmpty = maximum > minimum && this.#emptyRoundFails && widthOf(body).minimum === 0;
    for (let count = minimum; count < maximum; count += 1) {
      splits.push(this.#emit(operation.split));
      this.#patch(splits.at(-1)!, greedy ? 1 : 2, this.#next);
      if (mayBeEmpty) this.#round(body);
      else this.#add(body);
    }
    for (const split of splits) this.#patch(split, greedy ? 2 : 1, this.#next);
  }

  #loop(body: PatternNode, greedy: boolean): void {
    const split = this.#emit(operation.split);
    this.#patch(split, greedy ? 1 : 2, this.#next);
    let end: number | undefined;
    if (widthOf(body).minimum === 0) end = this.#round(body);
    else this.#add(body);
    this.#emit(operation.jump, split);
    this.#patch(split, greedy ? 2 : 1, this.#next);
    if (end !== undefined) {
      this.#patch(end, 2, split);
      // An iteration that consumed nothing ends the loop, or in JavaScript fails.
      this.#patch(end, 3, this.#emptyRoundFails ? -1 : this.#next);
    }
  }

  /** One iteration of a possibly empty body, with the flag bit that tells whether it consumed characters. */
  #round(body: PatternNode): number {
    const flag = this.#openFlags;
    if (flag >= 8)
      throw new PatternError({
        code: 'pattern-too-large',
        message: 'the regular expression nests more than 8 repetitions of parts that may be empty',
      });
    this.#openFlags += 1;
    this.#mostFlags = Math.max(this.#mostFlags, this.#openFlags);
    const start = this.#emit(operation.startRound, flag);
    this.#patch(start, 2, this.#next);
    this.#add(body);
    const end = this.#emit(operation.endRound, flag);
    this.#patch(end, 2, this.#next);
    this.#patch(end, 3, -1);
    this.#openFlags -= 1;
    return end;
  }
}
