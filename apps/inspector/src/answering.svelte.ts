import type { Alikeness, ReadBack } from '@subtext/decoder';

import type { Engine } from './engine/client';
import type { Answered, Asked, Drawn, Edits } from './engine/protocol';
import type { Open } from './opened.svelte';
import type { Place } from './link';
import { judge, type Verdict } from './verdict';

/** What is to be answered. */
export interface Asking {
  slot: number;
  model: Open;
  place: Place;
  asked: Asked;
  edits: Partial<Edits>;
}

/** The answer that is shown, and what is read in its thoughts. */
export class Answering {
  readonly #engine: Engine;
  answered = $state.raw<Answered | null>(null);
  read = $state.raw<ReadBack[]>([]);
  drawn = $state.raw<Drawn | null>(null);
  alike = $state.raw<Alikeness[]>([]);
  verdict = $state.raw<Verdict | null>(null);
  /** By model, what each example was answered, once all were gone through. */
  collected = $state.raw<Record<number, (string | null)[]>>({});
  error = $state<string | null>(null);
  /** The first answer, after the page began, in milliseconds. */
  startMilliseconds = $state<number | null>(null);
  #turn = 0;
  #warm = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Nothing is asked. */
  clear(): void {
    this.#turn++;
    this.answered = null;
  }

  /** Asks: the answer at once, then what reads the thoughts. What is asked meanwhile takes its place. */
  async answer(prepare: () => Promise<Asking>, question: string): Promise<void> {
    const turn = ++this.#turn;
    const current = () => turn === this.#turn;
    this.error = null;
    try {
      const { slot, model, place, asked, edits } = await prepare();
      const answered = await this.#engine.call('ask', { slot, asked, ...edits });
      if (!current()) return;
      // With words told, the answer without them is what it is held against.
      const plain =
        asked.words && answered.own === null
          ? await this.#engine.call('ask', { slot, asked: { ...asked, words: undefined } })
          : null;
      if (!current()) return;
      this.answered = plain ? { ...answered, own: plain.trace } : answered;
      this.startMilliseconds ??= performance.now();
      this.verdict = await this.#judge(place);
      if (model.info.kind !== 'reasoner') return;
      const drawn = await this.#engine.call('draw', { slot, asked, ...edits });
      if (!current()) return;
      this.drawn = drawn;
      const read = await this.#engine.call('read', { slot, asked, ...edits });
      if (!current()) return;
      this.read = read;
      if (!this.#warm && edits.another) await this.#warmUp({ slot, asked, another: edits.another });
      if (this.collected[slot]) this.alike = await this.#engine.call('alike', { slot, asked });
    } catch (error) {
      if (!current()) return;
      this.error = (error as Error).message;
      // What was answered to the same question stays, with what was refused beside it.
      if (this.answered?.trace.question === question) return;
      this.answered = null;
      this.read = [];
      this.drawn = null;
    }
  }

  /** Keeps what a model answered to all examples. */
  async keep({ slot, answers, asked }: { slot: number; answers: (string | null)[]; asked: Asked | null }) {
    this.collected = { ...this.collected, [slot]: answers };
    if (asked && this.answered) this.alike = await this.#engine.call('alike', { slot, asked });
  }

  /** The engine's first change compiles what later ones use: nobody waits for it. */
  async #warmUp({ slot, asked, another }: { slot: number; asked: Asked; another: Asked }): Promise<void> {
    this.#warm = true;
    const stage = this.answered?.trace.thoughts[0]?.stage;
    if (stage === undefined) return;
    for (let turn = 0; turn < 2; turn++)
      await this.#engine
        .call('ask', { slot, asked, another, edits: [{ kind: 'another', stage }] })
        .catch(() => undefined);
  }

  /** Whether the answer follows the thoughts that were exchanged. */
  async #judge({ edits, words, example, another }: Place): Promise<Verdict | null> {
    const { answered } = this;
    if (!answered?.own) return null;
    const [only] = edits;
    const swapped =
      edits.length === 1 &&
      Object.keys(words).length === 0 &&
      only?.kind === 'another' &&
      only.index === undefined &&
      (only.amount ?? 1) === 1;
    const expected =
      swapped && example !== null && another !== null
        ? await this.#engine.call('follows', { example, another, stage: only.stage })
        : null;
    return judge({ own: answered.own.answer, now: answered.trace.answer, expected });
  }
}
