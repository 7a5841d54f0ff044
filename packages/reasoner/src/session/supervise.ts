import { tf } from '@subtext/tensor';

import { ReasonerError } from '../errors';
import type { NextInput, Session, SessionInput, SessionState } from './session';
import type { DecideThought, ThoughtState } from './think-in-prompt';

/** What is known when an input has been decided and is about to be fed. */
export interface Moment {
  /** The row of the session; of {@link Supervisor.nextThought}, the question's place. */
  row: number;
  /** What the row was fed since supervision began: tokens, vectors, its own states. */
  fed: readonly Exclude<SessionInput, null>[];
  /** The thought that begins, where it is one of a prompt. */
  thought?: ThoughtState['thought'];
  /** The state before the input, after the final norm, `[width]`. */
  hidden: Float32Array;
  /** What is fed unless somebody steps in. */
  input: Exclude<SessionInput, null>;
  /** Logits of the next token there, `[vocabulary]`. */
  logits(): Promise<Float32Array>;
}

/** Whether to step in. */
export type Condition = (moment: Moment) => boolean | Promise<boolean>;

/** What is done to a row's inputs when a condition holds. */
export interface Intervention {
  /** For {@link Supervisor.events} and errors. */
  name: string;
  when: Condition;
  /** What is fed: a vector `[width]` (a thought), or a token. */
  then: (moment: Moment) => number | Float32Array | Promise<number | Float32Array>;
  /**
   * `change`: it takes the place of the input that was decided. `inject`: it is fed before that input, which is decided anew
   * from the state behind it; not within a prompt, whose thoughts have their places. @default 'change'
   */
  as?: 'change' | 'inject';
  /** How often it happens in a row, at most. @default 1 where it injects, else as often as the condition holds */
  times?: number;
}

/** An intervention that happened. */
export interface SupervisionEvent {
  intervention: string;
  row: number;
  /** Inputs that the row had been fed before. */
  step: number;
  thought?: Moment['thought'];
  as: 'change' | 'inject';
}

/** Holds where a probe's score of the state reaches a threshold. */
export function onProbe({
  score,
  atLeast,
}: {
  /** What the probe says of a state `[width]`, such as a log-odds. */
  score: (hidden: Float32Array) => number;
  atLeast: number;
}): Condition {
  return ({ hidden }) => score(hidden) >= atLeast;
}

/** Holds behind a token: it was the row's last input. */
export function onToken({ ids }: { ids: readonly number[] }): Condition {
  return ({ fed }) => {
    const last = fed.at(-1);
    return typeof last === 'number' && ids.includes(last);
  };
}

/** Holds from when a call that goes on beside the model has returned. What it returned, or that it failed, is for `then` to see. */
export function onReturn({ call }: { call: Promise<unknown> }): Condition {
  let returned = false;
  const settle = () => void (returned = true);
  call.then(settle, settle);
  return async () => {
    // Steps that never wait for anything outside would leave the call unheard.
    await new Promise((resolve) => setTimeout(resolve, 0));
    return returned;
  };
}

/**
 * Supervises a model while it thinks: before each input, interventions are asked in their order whether their condition
 * holds, and the first that says yes decides what is fed. Serves one call; `events` says what happened.
 *
 * ```ts
 * const supervisor = new Supervisor({
 *   interventions: [{ name: 'calm', when: onProbe({ score, atLeast: 2 }), then: () => harmlessThought }],
 * });
 * const answers = await reasoner.think({ questions, nextInput: supervisor.nextThought });
 * ```
 */
export class Supervisor {
  readonly events: SupervisionEvent[] = [];
  readonly #interventions: readonly Intervention[];
  readonly #fed = new Map<number, Exclude<SessionInput, null>[]>();

  /** @throws ReasonerError `invalid-option` for two interventions of one name, or `times` below 1 */
  constructor({ interventions }: { interventions: readonly Intervention[] }) {
    for (const [index, { name, times = 1 }] of interventions.entries()) {
      if (interventions.findIndex((other) => other.name === name) < index)
        throw refused(`There are two interventions "${name}". Give each a name of its own.`);
      if (!(times >= 1))
        throw refused(`The intervention "${name}" happens ${times} times: give 1 or more, or leave it out.`);
    }
    this.#interventions = interventions;
  }

  /**
   * For `Reasoner.think({ nextInput })`: supervises continuous thoughts. Throws `invalid-option` for an intervention that
   * injects there.
   */
  readonly nextThought: DecideThought = async ({ row, thought, hidden, input, logits }) => {
    const moment = { row, fed: this.#fedOf(row), thought, hidden, input, logits };
    const found = await this.#stepIn(moment);
    const fed = found?.input ?? input;
    if (found?.as === 'inject')
      throw refused(
        `The intervention "${found.name}" injects a thought into a prompt, whose thoughts have their places. Let it change one, or run a session of your own.`,
      );
    this.#fedOf(row).push(fed);
    return fed;
  };

  /** Wraps what decides a session's inputs (`Session.run`). A row that takes no input any more is not supervised. */
  nextInput(decide: NextInput): NextInput {
    return async (state) => {
      const decided = await decide(state);
      return this.#supervise({ state, decided });
    };
  }

  /**
   * Writes the likeliest tokens under supervision.
   *
   * @returns by row, what was fed: tokens, the one that ends a row included, and whatever was injected between them.
   */
  async write({
    session,
    from,
    maxInputs,
    stopIds = [],
    signal,
  }: {
    session: Session;
    /** What the last feed gave. Not freed. */
    from: tf.Tensor3D;
    /** The most inputs of a row. */
    maxInputs: number;
    /** Tokens that end a row. @default none */
    stopIds?: readonly number[];
    signal?: AbortSignal;
  }): Promise<(number | Float32Array)[][]> {
    const rows = from.shape[0];
    const written: (number | Float32Array)[][] = Array.from({ length: rows }, () => []);
    const isOver = (row: readonly (number | Float32Array)[]) =>
      row.length >= maxInputs || (typeof row.at(-1) === 'number' && stopIds.includes(row.at(-1) as number));
    const likeliest: NextInput = async (state) => {
      const best = tf.tidy(() => tf.argMax(state.logits(), 1));
      const ids = await best.data().finally(() => best.dispose());
      return written.map((row, index) => (isOver(row) ? null : ids[index]!));
    };
    const supervised = this.nextInput(likeliest);
    const { states } = await session.run({
      from,
      signal,
      async nextInput(state) {
        const inputs = await supervised(state);
        for (const [row, input] of inputs.entries()) if (input !== null && input !== 'state') written[row]!.push(input);
        return inputs;
      },
    });
    tf.dispose(states);
    return written;
  }

  async #supervise({
    state,
    decided,
  }: {
    state: SessionState;
    decided: readonly SessionInput[];
  }): Promise<SessionInput[]> {
    const inputs: SessionInput[] = [...decided];
    if (decided.every((input) => input === null)) return inputs;
    const width = state.hidden.shape[2];
    const values = (await state.hidden.data()) as Float32Array;
    let all: Promise<Float32Array> | undefined;
    const logits = async (row: number) => {
      const count = state.hidden.shape[0];
      all ??= (() => {
        const tensor = state.logits();
        return (tensor.data() as Promise<Float32Array>).finally(() => tensor.dispose());
      })();
      const found = await all;
      return found.slice((row * found.length) / count, ((row + 1) * found.length) / count);
    };
    for (const [row, input] of decided.entries()) {
      if (input === null) continue;
      const hidden = values.slice(row * width, (row + 1) * width);
      const found = await this.#stepIn({ row, fed: this.#fedOf(row), hidden, input, logits: () => logits(row) });
      inputs[row] = found?.input ?? input;
      this.#fedOf(row).push(found?.input ?? input);
    }
    return inputs;
  }

  /** The first intervention whose condition holds, and what it feeds. */
  async #stepIn(
    moment: Moment,
  ): Promise<{ name: string; as: 'change' | 'inject'; input: number | Float32Array } | undefined> {
    const { row, fed, thought, hidden } = moment;
    for (const { name, when, then, as = 'change', times = as === 'inject' ? 1 : Infinity } of this.#interventions) {
      const before = this.events.filter((event) => event.intervention === name && event.row === row).length;
      if (before >= times || !(await when(moment))) continue;
      const input = await then(moment);
      checkInput({ name, input, width: hidden.length });
      this.events.push({ intervention: name, row, step: fed.length, ...(thought && { thought }), as });
      return { name, as, input };
    }
    return undefined;
  }

  #fedOf(row: number): Exclude<SessionInput, null>[] {
    let fed = this.#fed.get(row);
    if (fed === undefined) this.#fed.set(row, (fed = []));
    return fed;
  }
}

/** @throws ReasonerError `width-mismatch` for a vector of another width, `invalid-option` for numbers that are none */
function checkInput({ name, input, width }: { name: string; input: number | Float32Array; width: number }): void {
  if (typeof input === 'number') {
    if (Number.isInteger(input) && input >= 0) return;
    throw refused(`The intervention "${name}" gives ${input}, which is no token's id.`);
  }
  if (input.length !== width)
    throw new ReasonerError({
      code: 'width-mismatch',
      message: `The intervention "${name}" gives a vector of ${input.length} numbers; the model's width is ${width}.`,
    });
  if (!input.every(Number.isFinite))
    throw refused(`The intervention "${name}" gives a vector with a number that is not finite.`);
}

function refused(message: string): ReasonerError {
  return new ReasonerError({ code: 'invalid-option', message });
}
