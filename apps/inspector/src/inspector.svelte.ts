import type { ThoughtEdit } from '@subtext/decoder';

import { Answering, type Asking } from './answering.svelte';
import type { Wanted } from './choose-engine';
import { Computing } from './computing.svelte';
import type { Engine } from './engine/client';
import type { Asked, Edits } from './engine/protocol';
import { linkOf, type Place, readLink, start } from './link';
import { type Open, Opened } from './opened.svelte';
import { withEdit, withoutEdits } from './place-edits';
import type { Example, Offered } from './source';
import { weightBytes } from './weight-bytes';
import { LongWork } from './work.svelte';

/** What of a place decides the answer. */
const asking: readonly (keyof Place)[] = [
  'model',
  'example',
  'question',
  'picture',
  'another',
  'edits',
  'words',
  'direction',
];

/** The page: where it is, what it has open, and what is answered there. Views show it. */
export class Inspector {
  readonly engine: Engine;
  readonly work: LongWork;
  readonly opened: Opened;
  readonly answering: Answering;
  readonly computing: Computing;
  place = $state<Place>({ ...start });

  constructor({ engine, wanted }: { engine: Engine; wanted: Wanted }) {
    this.engine = engine;
    this.computing = new Computing({ engine, wanted });
    this.work = new LongWork(engine);
    this.opened = new Opened(engine);
    this.answering = new Answering(engine);
  }

  get models(): Open[] {
    return this.opened.models;
  }

  get examples(): Example[] {
    return this.opened.examples;
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

  get error(): string | null {
    return this.work.error ?? this.answering.error;
  }

  /** Takes what a page starts with, and asks the first question. */
  async begin(offered: Offered): Promise<void> {
    const place = readLink(location.hash.length > 1 ? location.hash : (offered.view ?? ''));
    if (offered.models.length === 0 && offered.runs.length > 0 && place.view === 'strip') place.view = 'runs';
    this.opened.take(offered);
    if (offered.models.length > 0) await this.#start(offered.models.flatMap(({ files }) => files));
    for (const [slot, model] of offered.models.entries())
      await this.work.doing(`Opening ${model.path}`, () => this.opened.openOffered(model, slot));
    this.place = { ...place, ...(place.model >= this.models.length && { model: 0 }) };
    if (this.models.length === 0) return;
    if (this.place.example === null && this.place.question === '' && this.examples.length > 0) this.place.example = 0;
    this.place.another ??= this.examples.length > 1 ? this.opened.otherThan(this.place.example ?? 0) : null;
    await this.answer();
    void this.collect();
  }

  /** Opens a folder that the user chose, and goes to it. */
  async openChosen(folder: { name: string; files: Record<string, Blob> }): Promise<void> {
    await this.work.doing(`Opening ${folder.name}`, async () => {
      if (!this.engine.started)
        await this.#start(Object.entries(folder.files).map(([path, { size }]) => ({ path, size })));
      const model = await this.opened.openChosen(folder);
      const nothing = this.place.question === '' && this.place.example === null;
      await this.go({ model, edits: [], words: {}, ...(nothing && { question: this.examples[0]?.question ?? '' }) });
      void this.collect();
    });
  }

  /** Starts the worker, for models of these files. */
  async #start(files: readonly { path: string; size: number }[]): Promise<void> {
    await this.computing.start(weightBytes(files));
    void this.opened.tellExamples();
  }

  /** Goes to a place: what is shown is made anew where it has to be. */
  async go(to: Partial<Place>, { keep = false } = {}): Promise<void> {
    this.place = { ...this.place, ...to };
    this.#remember(keep);
    if (asking.some((key) => key in to)) await this.answer();
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
    return this.go(withEdit(this.place, edit));
  }

  /** Takes back what was done to a stage, or to all. */
  reset(stage?: string): Promise<void> {
    return this.go(withoutEdits(this.place, stage));
  }

  /** What is asked here. */
  async asked(): Promise<Asked> {
    const { words, picture, question } = this.place;
    const own = this.example
      ? await this.askedOf(this.example)
      : { question, ...(picture && this.model?.info.sees && { image: picture }) };
    return { ...own, ...(Object.keys(words).length > 0 && { words: $state.snapshot(words) }) };
  }

  /** An example as it is asked of the model that is shown. */
  askedOf(example: Example): Promise<Asked> {
    return this.opened.askedOf(example, this.model);
  }

  pictureOf(address: string): Promise<Uint8Array> {
    return this.opened.pictureOf(address);
  }

  /** Whose thoughts are taken, and how they are changed. */
  async edits(): Promise<Partial<Edits>> {
    const { edits, direction } = $state.snapshot(this.place) as Place;
    const other = this.place.another === null ? undefined : this.examples[this.place.another];
    return { edits, ...(other && { another: await this.askedOf(other) }), ...(direction && { direction }) };
  }

  /** Asks again. */
  async answer(): Promise<void> {
    const { model, place, question } = this;
    this.work.error = null;
    if (model === undefined || question.trim() === '') return this.answering.clear();
    const prepare = async (): Promise<Asking> => ({
      slot: place.model,
      model,
      place,
      asked: await this.asked(),
      edits: await this.edits(),
    });
    await this.answering.answer(prepare, question);
  }

  /** Goes through all examples once, for what is measured over them. */
  async collect(): Promise<void> {
    const slot = this.place.model;
    const model = this.models[slot];
    const known = this.answering.collected[slot] !== undefined;
    if (model === undefined || model.info.kind !== 'reasoner' || this.examples.length === 0 || known) return;
    try {
      const asked = await Promise.all(this.examples.map((example) => this.opened.askedOf(example, model)));
      // Many pictures take room: those that are sent are copies.
      const answers = await this.work.call('Running the examples', 'collect', { slot, asked });
      await this.answering.keep({ slot, answers, asked: slot === this.place.model ? await this.asked() : null });
    } catch (error) {
      this.opened.problems = [...this.opened.problems, `The examples could not be run: ${(error as Error).message}`];
    }
  }

  #remember(keep: boolean): void {
    const hash = `#${linkOf($state.snapshot(this.place) as Place)}`;
    if (hash === location.hash) return;
    if (keep) history.replaceState(null, '', hash);
    else history.pushState(null, '', hash);
  }
}
