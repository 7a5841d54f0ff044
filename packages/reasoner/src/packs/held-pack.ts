import type { LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';

import type { ProgramParameter } from '../forward/trainable-parameters';
import type { KnowledgePack } from './knowledge-pack';
import type { PrefixRows } from './packed-cache';

/** A pack with its rows on the engine. */
export class HeldPack {
  readonly rows: number;
  readonly span: number;
  readonly #model: LanguageModel;
  readonly #pack: KnowledgePack;
  readonly #variables: readonly { name: string; variable: tf.Variable<tf.Rank.R2> }[];

  constructor({ model, pack, trainable }: { model: LanguageModel; pack: KnowledgePack; trainable: boolean }) {
    this.#model = model;
    this.#pack = pack;
    this.rows = pack.places.length;
    this.span = pack.span;
    this.#variables = pack.tensors.map(({ name, width, values }) => {
      const initial = tf.tensor2d(values, [this.rows, width]);
      const variable = tf.variable(initial, trainable);
      initial.dispose();
      return { name, variable };
    });
  }

  /** What trains of it, where it was made to. */
  get parameters(): ProgramParameter[] {
    return this.#variables
      .filter(({ variable }) => variable.trainable)
      .map(({ name, variable }) => ({ name: `pack/${name}`, variable }));
  }

  /** By layer, its keys and values `[1, rows, width]`; of thoughts, as the model makes them. Gradients pass. */
  prefix(): PrefixRows {
    const tensors = this.#variables.map(({ variable }) => tf.expandDims(variable, 0) as tf.Tensor3D);
    const { layers } = this.#model.dimensions;
    if (this.#pack.form === 'cache')
      return Array.from({ length: layers }, (_, layer) => ({
        key: tensors[2 * layer]!,
        value: tensors[2 * layer + 1]!,
      }));
    const { places } = this.#pack;
    const cache = this.#model.newGrowingCache();
    this.#model.forward({
      embeddings: tensors[0]!,
      cache,
      positions: tf.tensor2d(places, [1, places.length], 'int32'),
      largestPosition: places.at(-1)!,
      outputPositions: 1,
    });
    return Array.from({ length: layers }, (_, layer) => cache.layer(layer).grown!.past!);
  }

  /** The pack with its rows as they are now. */
  async read({ steps }: { /** Of self-study, all together. */ steps: number }): Promise<KnowledgePack> {
    const tensors = [];
    for (const { name, variable } of this.#variables)
      tensors.push({ name, width: variable.shape[1], values: (await variable.data()) as Float32Array });
    return { ...this.#pack, steps, tensors };
  }

  dispose(): void {
    for (const { variable } of this.#variables) variable.dispose();
  }
}
