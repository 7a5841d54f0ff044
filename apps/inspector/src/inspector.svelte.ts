import type { ReadBack, ThoughtEdit } from '@subtext/decoder';

import type { Engine } from './engine/client';
import type { Alikeness } from '@subtext/decoder';
import type { Answered, Asked, Drawn, Edits, ModelInfo, Work } from './engine/protocol';
import { linkOf, type Place, readLink, start } from './link';
import { bytesOf, type Example, filesOf, type Offered, type OfferedModel, type Run } from './source';

/** A model in the page. */
export interface Open {
  info: ModelInfo;
  /** As commands name it. */
  path: string;
  offered?: OfferedModel;
}

/** What a swapped stage did to the answer. */
export interface Verdict {
  word: 'yes' | 'no' | 'changed' | 'stayed' | 'cannot tell';
  says: string;
}

const same = (one: string | null, other: string | null) =>
  one !== null && other !== null && one.trim().toLowerCase() === other.trim().toLowerCase();

/** All that the page knows and does; views show it. */
export class Inspector {
  readonly engine: Engine;
  place = $state<Place>({ ...start });
  models = $state<Open[]>([]);
  examples = $state.raw<Example[]>([]);
  runs = $state.raw<Run[]>([]);
  problems = $state<string[]>([]);
  answered = $state.raw<Answered | null>(null);
  read = $state.raw<ReadBack[]>([]);
  drawn = $state.raw<Drawn | null>(null);
  alike = $state.raw<Alikeness[]>([]);
  verdict = $state.raw<Verdict | null>(null);
  /** By model, what each example was answered, once all were gone through. */
  collected = $state.raw<Record<number, (string | null)[]>>({});
  error = $state<string | null>(null);
  /** What takes a while. */
  working = $state<string | null>(null);
  progress = $state<{ done: number; total: number } | null>(null);
  /** The first answer, after the page began, in milliseconds. */
  startMilliseconds = $state<number | null>(null);
  readonly #pictures = new Map<string, Promise<Uint8Array>>();
  #asking = 0;
  #warm = false;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  get model(): Open | undefined {
    return this.models[this.place.model];
  }

  get example(): Example | undefined {
    return this.place.example === null ? undefined : this.examples[this.place.example];
  }

  get question(): string {
    return this.example?.question ?? this.place.question;
  }

  get changed(): boolean {
    return this.place.edits.length > 0 || Object.keys(this.place.words).length > 0;
  }

  /** Takes what a page starts with, and asks the first question. */
  async begin(offered: Offered): Promise<void> {
    this.examples = offered.examples;
    this.runs = offered.runs;
    this.problems = offered.problems;
    const place = readLink(location.hash.length > 1 ? location.hash : (offered.view ?? ''));
    if (offered.models.length === 0 && offered.runs.length > 0 && place.view === 'strip') place.view = 'runs';
    await this.engine.call('examples', { examples: factsOf(offered.examples) });
    for (const [slot, model] of offered.models.entries()) await this.openOffered(model, slot);
    this.place = { ...place, ...(place.model >= this.models.length && { model: 0 }) };
    if (this.models.length > 0) {
      if (this.place.example === null && this.place.question === '' && this.examples.length > 0) this.place.example = 0;
      this.place.another ??= this.examples.length > 1 ? this.#other() : null;
      await this.answer();
      void this.collect();
    }
  }

  async openOffered(offered: OfferedModel, slot = this.models.length): Promise<void> {
    await this.#doing(`Opening ${offered.path}`, async () => {
      const info = await this.engine.call('open', { slot, name: offered.path, files: await filesOf(offered) });
      this.models[slot] = { info, path: offered.path, offered };
    });
  }

  /** Opens a folder that the user chose: in its own place, beside those that are open. */
  async openChosen({ name, files }: { name: string; files: Record<string, Blob> }): Promise<void> {
    const slot = this.models.length;
    await this.#doing(`Opening ${name}`, async () => {
      const info = await this.engine.call('open', { slot, name, files });
      this.models[slot] = { info, path: name };
      await this.go({
        model: slot,
        edits: [],
        words: {},
        ...(this.place.question === '' &&
          this.place.example === null && { question: this.examples[0]?.question ?? '' }),
      });
      void this.collect();
    });
  }

  /** Goes to a place: what is shown is made anew where it has to be. */
  async go(to: Partial<Place>, { keep = false } = {}): Promise<void> {
    this.place = { ...this.place, ...to };
    this.#remember(keep);
    const anew = ['model', 'example', 'question', 'picture', 'another', 'edits', 'words', 'direction'].some(
      (key) => key in to,
    );
    if (anew) await this.answer();
    if ('model' in to) void this.collect();
  }

  /** Follows a link, such as of the browser's history. */
  async follow(hash: string): Promise<void> {
    if (hash.replace(/^#/, '') === linkOf(this.place)) return;
    const place = readLink(hash);
    this.place = { ...place, model: Math.min(place.model, Math.max(0, this.models.length - 1)) };
    await this.answer();
  }

  edit(edit: ThoughtEdit): Promise<void> {
    const about = (one: ThoughtEdit) => JSON.stringify([one.stage, 'index' in one ? one.index : undefined]);
    // What was done to the same thoughts before is done no more; what is done to a stage takes the place of what was done in it.
    const edits = this.place.edits.filter(
      (one) =>
        about(one) !== about(edit) && !(one.stage === edit.stage && !('index' in edit && edit.index !== undefined)),
    );
    return this.go({ edits: [...edits, edit] });
  }

  /** Takes back what was done to a stage, or to all. */
  reset(stage?: string): Promise<void> {
    const words = { ...this.place.words };
    if (stage !== undefined) delete words[stage];
    return this.go({
      edits: stage === undefined ? [] : this.place.edits.filter((one) => one.stage !== stage),
      words: stage === undefined ? {} : words,
    });
  }

  /** What is asked here. */
  async asked(): Promise<Asked> {
    const { words, picture } = this.place;
    const own = this.example
      ? await this.askedOf(this.example)
      : { question: this.place.question, ...(picture && this.model?.info.sees && { image: picture }) };
    return { ...own, ...(Object.keys(words).length > 0 && { words: $state.snapshot(words) }) };
  }

  async askedOf(example: Example): Promise<Asked> {
    if (example.image === undefined || !this.model?.info.sees) return { question: example.question };
    return { question: example.question, image: await this.pictureOf(example.image) };
  }

  pictureOf(address: string): Promise<Uint8Array> {
    let picture = this.#pictures.get(address);
    if (picture === undefined) this.#pictures.set(address, (picture = bytesOf(address)));
    return picture;
  }

  /** Whose thoughts are taken, and how they are changed. */
  async edits(): Promise<Partial<Edits>> {
    const { edits, direction } = $state.snapshot(this.place) as Place;
    const other = this.place.another === null ? undefined : this.examples[this.place.another];
    return {
      edits,
      ...(other && { another: await this.askedOf(other) }),
      ...(direction && { direction }),
    };
  }

  /** Asks again: the answer at once, then what reads the thoughts. */
  async answer(): Promise<void> {
    const turn = ++this.#asking;
    const current = () => turn === this.#asking;
    if (this.model === undefined || this.question.trim() === '') {
      this.answered = null;
      return;
    }
    this.error = null;
    const slot = this.place.model;
    try {
      const [asked, edits] = [await this.asked(), await this.edits()];
      const answered = await this.engine.call('ask', { slot, asked, ...edits });
      if (!current()) return;
      // With words told, the answer without them is what it is held against.
      const plain =
        asked.words && answered.own === null
          ? await this.engine.call('ask', { slot, asked: { ...asked, words: undefined } })
          : null;
      if (!current()) return;
      this.answered = plain ? { ...answered, own: plain.trace } : answered;
      this.startMilliseconds ??= performance.now();
      this.verdict = await this.#judge();
      if (this.model.info.kind !== 'reasoner') return;
      const drawn = await this.engine.call('draw', { slot, asked, ...edits });
      if (!current()) return;
      this.drawn = drawn;
      const read = await this.engine.call('read', { slot, asked, ...edits });
      if (!current()) return;
      this.read = read;
      if (!this.#warm && edits.another) await this.#warmUp({ slot, asked, another: edits.another });
      if (this.collected[slot]) this.alike = await this.engine.call('alike', { slot, asked });
    } catch (error) {
      if (!current()) return;
      this.error = (error as Error).message;
      // What was answered to the same question stays, with what was refused beside it.
      if (this.answered?.trace.question === this.question) return;
      this.answered = null;
      this.read = [];
      this.drawn = null;
    }
  }

  /** The engine's first change compiles what later ones use: nobody waits for it. */
  async #warmUp({ slot, asked, another }: { slot: number; asked: Asked; another: Asked }): Promise<void> {
    this.#warm = true;
    const stage = this.answered?.trace.thoughts[0]?.stage;
    if (stage === undefined) return;
    for (let turn = 0; turn < 2; turn++)
      await this.engine
        .call('ask', { slot, asked, another, edits: [{ kind: 'another', stage }] })
        .catch(() => undefined);
  }

  /** Goes through all examples once, for what is measured over them. */
  async collect(): Promise<void> {
    const slot = this.place.model;
    const model = this.models[slot];
    if (model === undefined || model.info.kind !== 'reasoner' || this.examples.length === 0 || this.collected[slot])
      return;
    try {
      const asked = await Promise.all(this.examples.map((example) => this.askedOf(example)));
      // Many pictures take room: those that are sent are copies.
      const answers = await this.call('Going through the examples', 'collect', { slot, asked });
      this.collected = { ...this.collected, [slot]: answers };
      if (slot === this.place.model && this.answered)
        this.alike = await this.engine.call('alike', { slot, asked: await this.asked() });
    } catch (error) {
      this.problems = [...this.problems, `The examples cannot be gone through: ${(error as Error).message}`];
    }
  }

  /** Calls the worker, and shows how far it is. */
  async call<Name extends keyof Work>(
    what: string,
    name: Name,
    options: Parameters<Work[Name]>[0],
  ): Promise<ReturnType<Work[Name]>> {
    this.working = what;
    try {
      return await this.engine.call(name, options, (progress) => (this.progress = progress));
    } finally {
      this.working = null;
      this.progress = null;
    }
  }

  async #doing(what: string, run: () => Promise<void>): Promise<void> {
    this.working = what;
    this.error = null;
    try {
      await run();
    } catch (error) {
      this.error = (error as Error).message;
    } finally {
      this.working = null;
    }
  }

  /** Whether the answer follows the thoughts that were exchanged. */
  async #judge(): Promise<Verdict | null> {
    const { answered } = this;
    if (!answered?.own) return null;
    const [own, now] = [answered.own.answer, answered.trace.answer];
    const swaps = this.place.edits.filter(
      (edit) => edit.kind === 'another' && edit.index === undefined && (edit.amount ?? 1) === 1,
    );
    const { example, another } = this.place;
    const only = swaps.length === 1 && this.place.edits.length === 1 && Object.keys(this.place.words).length === 0;
    const expected =
      only && example !== null && another !== null
        ? await this.engine.call('follows', { example, another, stage: swaps[0]!.stage })
        : null;
    return judge({ own, now, expected });
  }

  #other(): number {
    const own = this.place.example ?? 0;
    const answer = this.examples[own]?.answer;
    const found = this.examples.findIndex(
      (one, index) => index !== own && one.answer !== answer && one.category === this.examples[own]?.category,
    );
    return found >= 0 ? found : own === 0 ? 1 : 0;
  }

  #remember(keep: boolean): void {
    const hash = `#${linkOf($state.snapshot(this.place) as Place)}`;
    if (hash === location.hash) return;
    if (keep) history.replaceState(null, '', hash);
    else history.pushState(null, '', hash);
  }
}

/** What a change did to an answer, in a word. */
export function judge({
  own,
  now,
  expected,
}: {
  own: string | null;
  now: string | null;
  expected: string | null;
}): Verdict {
  if (expected === null)
    return same(own, now)
      ? { word: 'stayed', says: `The answer stays “${own}”.` }
      : { word: 'changed', says: `The answer changes from “${own ?? 'none'}” to “${now ?? 'none'}”.` };
  if (same(expected, own))
    return {
      word: 'cannot tell',
      says: `“${expected}” follows from both thoughts: this example cannot tell. Take another one.`,
    };
  if (same(expected, now))
    return { word: 'yes', says: `“${expected}” follows from the other thought, and that is the answer.` };
  return {
    word: 'no',
    says: `“${expected}” follows from the other thought; the answer ${same(own, now) ? `stays “${own}”` : `is “${now ?? 'none'}”`}.`,
  };
}

function factsOf(examples: readonly Example[]) {
  return examples.map(({ id, question, answer, steps, category, facts }) => ({
    id,
    question,
    answer,
    steps,
    category,
    facts,
  }));
}
