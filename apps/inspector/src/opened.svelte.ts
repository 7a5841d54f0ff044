import type { Engine } from './engine/client';
import type { Asked, ModelInfo } from './engine/protocol';
import { bytesOf, type Example, filesOf, type Offered, type OfferedModel, type Run } from './source';

/** A model in the page. */
export interface Open {
  info: ModelInfo;
  /** As commands name it. */
  path: string;
  offered?: OfferedModel;
}

/** What the page has open: models, examples with their pictures, runs. */
export class Opened {
  readonly #engine: Engine;
  readonly #pictures = new Map<string, Promise<Uint8Array>>();
  models = $state<Open[]>([]);
  examples = $state.raw<Example[]>([]);
  runs = $state.raw<Run[]>([]);
  /** What fetches the pictures of runs. */
  runPictures = $state.raw<string[]>([]);
  /** What could not be read. */
  problems = $state<string[]>([]);

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Takes what a page starts with, but for its models. */
  take({ examples, runs, pictures, problems }: Offered): void {
    this.examples = examples;
    this.runs = runs;
    this.runPictures = pictures;
    this.problems = problems;
  }

  /** Tells the worker of the examples, once it runs. */
  async tellExamples(): Promise<void> {
    await this.#engine.call('examples', { examples: this.examples.map(factsOf) });
  }

  async openOffered(offered: OfferedModel, slot: number): Promise<void> {
    const info = await this.#engine.call('open', { slot, name: offered.path, files: await filesOf(offered) });
    this.models[slot] = { info, path: offered.path, offered };
  }

  /** Opens a folder that the user chose, beside those that are open. */
  async openChosen({ name, files }: { name: string; files: Record<string, Blob> }): Promise<number> {
    const slot = this.models.length;
    const info = await this.#engine.call('open', { slot, name, files });
    this.models[slot] = { info, path: name };
    return slot;
  }

  /** An example as it is asked of a model: with its picture where the model sees. */
  async askedOf({ question, image }: Example, model: Open | undefined): Promise<Asked> {
    return { question, ...(image !== undefined && model?.info.sees && { image: await this.pictureOf(image) }) };
  }

  pictureOf(address: string): Promise<Uint8Array> {
    let picture = this.#pictures.get(address);
    if (picture === undefined) this.#pictures.set(address, (picture = bytesOf(address)));
    return picture;
  }

  /** Another example than one: of the same kind of question and with another answer, where there is one. */
  otherThan(own: number): number {
    const { answer, category } = this.examples[own] ?? {};
    const found = this.examples.findIndex(
      (one, index) => index !== own && one.answer !== answer && one.category === category,
    );
    return found >= 0 ? found : own === 0 ? 1 : 0;
  }
}

/** What the worker needs of an example: all but the address of its picture. */
function factsOf({ id, question, answer, steps, category, facts }: Example) {
  return { id, question, answer, steps, category, facts };
}
