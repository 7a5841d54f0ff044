import type { Tokenizer } from '@subtext/tokenizer';

import { ReasonerError } from '../errors';
import type { ReasoningFormat } from '../methods/reasoning-format';
import type { ReasoningMethod } from '../methods/reasoning-method';
import { ANSWER, isOfStage, isTag, NO_ROLE, type Role, tagRole } from './roles';
import { SequenceSight } from './sequence-sight';
import type { VisibilityTable } from './visibility-table';

/** The marks by which the role of a written token is told, as ids. */
export interface RoleMarks {
  /** Names of the stages, in order; beyond them `step_1` … */
  stages: readonly string[];
  of(index: number): {
    stage: string;
    open: readonly number[];
    close: readonly number[];
    /** The thinking token that ends the stage without a mark; absent where marks close every stage. */
    end?: number;
  };
  answer: readonly number[];
}

/**
 * The marks of a format in a tokenizer's ids.
 *
 * @throws ReasonerError `visibility-unsupported` where steps or the answer begin without a mark: nothing tells what is written
 */
export function roleMarks({
  format,
  method,
  stages,
  tokenizer,
}: {
  format: ReasoningFormat;
  method: Pick<ReasoningMethod, 'stageEnd'>;
  stages: readonly string[];
  tokenizer: Tokenizer;
}): RoleMarks {
  if (format.joined === true) {
    throw new ReasonerError({
      code: 'visibility-unsupported',
      message: `The reasoning format "${format.name}" tokenizes marks together with what they stand around, so that nothing tells which part of a response a token belongs to. Take a format whose marks are tokens of their own, such as "tagged" or "lines", or the visibility "all".`,
    });
  }
  const ids = (text: string) => (text === '' ? [] : tokenizer.encode(text, { addSpecialTokens: false }).ids);
  const marks = new Map<number, ReturnType<RoleMarks['of']>>();
  const of = (index: number) => {
    let found = marks.get(index);
    if (found === undefined) {
      const stage = stages[index] ?? `step_${index + 1}`;
      const { open, close } = format.step({ name: stage, index });
      const end = index < stages.length ? method.stageEnd?.({ stage, tokenizer }) : undefined;
      marks.set(index, (found = { stage, open: ids(open), close: ids(close), ...(end !== undefined && { end }) }));
    }
    return found;
  };
  const answer = ids(format.answer.open);
  // Steps without any mark are one step, which ends at the answer's mark; that must be known by its first token.
  const unmarked = of(0).open.length === 0 && of(0).close.length === 0 && answer.length === 1;
  if (answer.length === 0 || (of(0).close.length === 0 && !unmarked)) {
    throw new ReasonerError({
      code: 'visibility-unsupported',
      message: `The reasoning format "${format.name}" has no mark ${answer.length === 0 ? 'before the answer' : "behind a step's text"}, so that nothing tells which part of a response a token belongs to. Take a format with marks, such as "tagged", or the visibility "all".`,
    });
  }
  return { stages, of, answer };
}

/** Options of {@link WrittenRoles}. */
export interface WrittenRolesOptions {
  table: VisibilityTable;
  marks: RoleMarks;
  /** The roles of the prompt. */
  given: readonly Role[];
  /** Whether the answer is what the response is likely to begin with: all steps are thoughts of the prompt. @default false */
  answerFirst?: boolean;
}

/**
 * The roles of a sequence that is written token by token: those of its prompt are given, those of the response are told by
 * the marks that were written. A token that may begin the mark of the stage that comes next looks as that stage; where it
 * turns out to begin something else, no other position sees it. Inside a stage everything looks as the stage, and its
 * closing mark is known as one when it is complete.
 */
export class WrittenRoles {
  readonly #table: VisibilityTable;
  readonly #marks: RoleMarks;
  readonly #given: Role[];
  readonly #answerFirst: boolean;
  #ids: (number | null)[] = [];
  #sight: SequenceSight;
  /** The stage that is open, `answer`, or none: between two. */
  #open: { index: number } | 'answer' | null = null;
  /** The stage that comes next. */
  #next = 0;
  /** Where what is being written began: a stage's text, or, between two, a mark. */
  #start = 0;

  constructor({ table, marks, given, answerFirst = false }: WrittenRolesOptions) {
    this.#table = table;
    this.#marks = marks;
    this.#given = [...given];
    this.#answerFirst = answerFirst;
    this.#sight = new SequenceSight(table);
  }

  get roles(): readonly Role[] {
    return this.#sight.roles;
  }

  /** The next position: a token that is written; or, within the prompt, whatever is fed there. */
  push(id: number | null): void {
    const position = this.#ids.length;
    this.#ids.push(id);
    const given = this.#given[position];
    if (given !== undefined) {
      this.#sight.add(given);
      if (isOfStage(given) && !isTag(given)) this.#next = Math.max(this.#next, this.#marks.stages.indexOf(given) + 1);
      this.#start = position + 1;
    } else this.#write(position);
  }

  /** The next positions of the prompt are not there: thoughts that are not needed. */
  skip(count: number): void {
    this.#given.splice(this.#ids.length, count);
  }

  forgetLast(count: number): void {
    if (count === 0) return;
    const ids = this.#ids.slice(0, this.#ids.length - count);
    this.#ids = [];
    this.#sight = new SequenceSight(this.#table);
    this.#open = null;
    this.#next = 0;
    for (const id of ids) this.push(id);
  }

  sees(position: number, key: number): boolean {
    return this.#sight.sees(position, key);
  }

  seesPictures(position: number): boolean {
    return this.#sight.seesPictures(position);
  }

  /** Within the answer nothing else comes: only what answers see is looked at again. */
  leftBehind(): ((position: number) => boolean) | null {
    if (this.#open !== 'answer') return null;
    const sight = this.#sight;
    return (position) => !sight.roleSees(ANSWER, sight.roles[position]!);
  }

  copy(): WrittenRoles {
    const copy = new WrittenRoles({
      table: this.#table,
      marks: this.#marks,
      given: this.#given,
      answerFirst: this.#answerFirst,
    });
    for (const id of this.#ids) copy.push(id);
    return copy;
  }

  #write(position: number): void {
    if (this.#open === 'answer') this.#sight.add(ANSWER);
    else if (this.#open === null) this.#writeBetween(position);
    else this.#writeInside({ position, ...this.#open });
  }

  /** A token where a mark is due: of the stage that comes next, of a later one, of the answer; else text of the next. */
  #writeBetween(position: number): void {
    const begun = this.#ids.slice(this.#start) as number[];
    const candidates = this.#opening().filter(({ open }) => begun.every((id, place) => open[place] === id));
    const [found] = candidates;
    if (found === undefined) {
      // What had begun is no mark: nobody sees it.
      for (let earlier = this.#start; earlier < position; earlier++)
        this.#sight.turnsOut({ position: earlier, role: NO_ROLE });
      if (begun.length > 1) {
        this.#start = position;
        this.#writeBetween(position);
        return;
      }
      this.#open = { index: this.#next };
      this.#writeInside({ position, index: this.#next });
      return;
    }
    this.#sight.add(found.role);
    if (found.open.length > begun.length) return;
    for (let earlier = this.#start; earlier < position; earlier++)
      if (this.#sight.roles[earlier] !== found.role) this.#sight.turnsOut({ position: earlier, role: NO_ROLE });
    this.#enter(found.index, position + 1);
  }

  #writeInside({ position, index }: { position: number; index: number }): void {
    const { stage, close, end } = this.#marks.of(index);
    const begun = this.#marks.answer.length === 1 && this.#marks.answer[0] === this.#ids[position];
    if (close.length === 0 && begun) {
      this.#sight.add(ANSWER);
      this.#enter('answer', position + 1);
      return;
    }
    this.#sight.add(stage);
    const closes = this.#endsWith(close);
    if (closes || (end !== undefined && this.#ids[position] === end)) {
      for (let place = closes ? position - close.length + 1 : position + 1; place <= position; place++)
        this.#sight.turnsOut({ position: place, role: tagRole(stage) });
      this.#open = null;
      this.#next = index + 1;
      this.#start = position + 1;
      return;
    }
    // A mark inside a stage ends it too; it looked as the stage, so that nobody else sees it.
    const other = this.#opening().find(({ open, index: opened }) => opened !== index && this.#endsWith(open));
    if (other === undefined) return;
    for (let place = position - other.open.length + 1; place <= position; place++)
      this.#sight.turnsOut({ position: place, role: NO_ROLE });
    this.#enter(other.index, position + 1);
  }

  #enter(index: number | 'answer', start: number): void {
    this.#open = index === 'answer' ? index : { index };
    this.#start = start;
  }

  /** Whether what is being written ends with a mark. */
  #endsWith(mark: readonly number[]): boolean {
    const from = this.#ids.length - mark.length;
    return mark.length > 0 && from >= this.#start && mark.every((id, place) => this.#ids[from + place] === id);
  }

  /** Marks that may open something, the likeliest first. */
  #opening(): { index: number | 'answer'; role: Role; open: readonly number[] }[] {
    const count = Math.max(this.#marks.stages.length, this.#next + 1);
    const order = Array.from({ length: count }, (_, place) => (this.#next + place) % count);
    const stages = order.flatMap((index) => {
      const { stage, open } = this.#marks.of(index);
      return open.length === 0 ? [] : [{ index, role: tagRole(stage), open }];
    });
    const answer = { index: 'answer' as const, role: ANSWER, open: this.#marks.answer };
    const ahead =
      this.#answerFirst && this.#start <= this.#given.length ? 0 : Math.max(0, this.#marks.stages.length - this.#next);
    return [...stages.slice(0, ahead), answer, ...stages.slice(ahead)];
  }
}
