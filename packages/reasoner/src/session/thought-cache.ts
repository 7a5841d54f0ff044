import type { LanguageModel } from '@subtext/model';
import type { KeyValueCache } from '@subtext/nn';
import { gatherRows, rotary as rotate, scatterRows, tf } from '@subtext/tensor';

import { ReasonerError } from '../errors';

type LayerCache = ReturnType<KeyValueCache['layer']>;

/** A position of a padded batch whose keys and values are read or replaced. */
export interface CachePlace {
  row: number;
  /** Its column in the batch, padding included. */
  column: number;
  /** Its position in its sequence, padding not counted: what its keys are rotated by. */
  position: number;
}

/** Positions of a first pass whose states are read, or replaced by others. */
export interface ThoughtReplacement {
  places: readonly CachePlace[];
  /** Largest position of the first pass. */
  largestPosition: number;
  /** By place: what takes its state's place, as `captured` gives it. @default null: the states are read */
  replacements?: readonly Float32Array[] | null;
}

/** Options of {@link ThoughtCache}. */
export interface ThoughtCacheOptions extends ThoughtReplacement {
  model: LanguageModel;
  batch: number;
  /** Positions that the cache has room for. */
  capacity: number;
}

/**
 * A cache that reads or replaces what later positions can see of some positions: in every layer, their keys and values.
 * All of it happens in the first pass (and again where a rotation switches and everything is computed anew), within which a position's own query is left as it is; what the pass gives at a
 * replaced position itself must therefore not be used, only what it gives at later ones.
 *
 * Layers that keep none (Mllama's over pictures) are passed over. A place's state is `[layer 0's key, layer 0's value, layer 1's key, …]`, keys before their rotation, so that a state
 * taken at one position fits any other. (Positions that are added to the input, as GPT-2's, stay in the state.)
 */
export class ThoughtCache implements KeyValueCache {
  readonly inner: KeyValueCache;
  readonly #options: ThoughtCacheOptions;
  /** The layers that keep keys and values, in order. */
  readonly #layers: readonly number[];
  readonly #read: { key: tf.Tensor2D; value: tf.Tensor2D }[] = [];
  #firstPass = true;
  /** Positions of the first pass, padding included. */
  #firstTime?: number;

  constructor(options: ThoughtCacheOptions) {
    this.#options = options;
    this.inner = options.model.newCache(options);
    const { cachedLayers, dimensions } = options.model;
    this.#layers = cachedLayers ?? Array.from({ length: dimensions.layers }, (_, layer) => layer);
  }

  get length(): number {
    return this.inner.length;
  }

  layer(index: number): LayerCache {
    const inner = this.inner.layer(index);
    const layer = this.#layers.indexOf(index);
    if (layer < 0 || !this.#firstPass || this.#options.places.length === 0) return inner;
    return {
      append: ({ key, value }) =>
        inner.append(
          this.#options.replacements ? this.#replace({ key, value, layer }) : this.#capture({ key, value, layer }),
        ),
    };
  }

  advance(count: number): void {
    this.inner.advance(count);
    this.#firstPass = this.inner.length === 0;
  }

  selectRows(rows: readonly number[]): void {
    this.inner.selectRows(rows);
  }

  get keepPositions(): KeyValueCache['keepPositions'] {
    return this.inner.keepPositions?.bind(this.inner);
  }

  /** By place: its state. */
  async captured(): Promise<Float32Array[]> {
    const layers = await Promise.all(
      this.#read.map(async ({ key, value }) => ({
        key: (await key.data()) as Float32Array,
        value: (await value.data()) as Float32Array,
        width: key.shape[1],
      })),
    );
    return this.#options.places.map((_, place) => {
      const width = layers[0]?.width ?? 0;
      const state = new Float32Array(layers.length * 2 * width);
      for (const [layer, { key, value }] of layers.entries()) {
        state.set(key.subarray(place * width, (place + 1) * width), 2 * layer * width);
        state.set(value.subarray(place * width, (place + 1) * width), (2 * layer + 1) * width);
      }
      return state;
    });
  }

  dispose(): void {
    this.inner.dispose();
    for (const { key, value } of this.#read) tf.dispose([key, value]);
    this.#read.length = 0;
  }

  #capture({ key, value, layer }: { key: tf.Tensor3D; value: tf.Tensor3D; layer: number }): {
    key: tf.Tensor3D;
    value: tf.Tensor3D;
  } {
    const time = key.shape[1];
    const before = this.#read[layer];
    if (before) tf.dispose([before.key, before.value]);
    const picked = (input: tf.Tensor3D) => gatherRows({ input: asRows(input), indices: this.#indices(time) });
    this.#read[layer] = {
      key: tf.keep(tf.tidy(() => this.#rotated({ rows: picked(key), time, layer, back: true }))),
      value: tf.keep(tf.tidy(() => picked(value))),
    };
    return { key, value };
  }

  #replace({ key, value, layer }: { key: tf.Tensor3D; value: tf.Tensor3D; layer: number }): {
    key: tf.Tensor3D;
    value: tf.Tensor3D;
  } {
    const [, time, width] = key.shape;
    this.#checkWidth(width);
    const indices = this.#indices(time);
    const part = (offset: number) => {
      const values = new Float32Array(indices.length * width);
      for (const [place, state] of (this.#options.replacements as readonly Float32Array[]).entries()) {
        values.set(state.subarray((2 * layer + offset) * width, (2 * layer + offset + 1) * width), place * width);
      }
      return tf.tensor2d(values, [indices.length, width]);
    };
    const placed = (input: tf.Tensor3D, updates: tf.Tensor2D) =>
      tf.reshape(scatterRows({ input: asRows(input), indices, updates }), input.shape) as tf.Tensor3D;
    return {
      key: placed(key, this.#rotated({ rows: part(0), time, layer, back: false })),
      value: placed(value, part(1)),
    };
  }

  #checkWidth(width: number): void {
    const expected = 2 * this.#layers.length * width;
    const odd = this.#options.replacements?.find(({ length }) => length !== expected);
    if (odd !== undefined)
      throw new ReasonerError({
        code: 'width-mismatch',
        message: `A thought's place holds ${expected} numbers in this model, keys and values of ${width} in each of ${this.#layers.length} layers; what is put there has ${odd.length}. Take thoughts of the same model.`,
      });
  }

  /** Rows of the places in a pass over `time` positions. */
  #indices(time: number): Int32Array {
    return Int32Array.from(this.#options.places, ({ row, column }) => row * time + column);
  }

  /** Keys `[places, width]` turned to their positions, or back. */
  #rotated({
    rows,
    time,
    layer,
    back,
  }: {
    rows: tf.Tensor2D;
    /** Positions of the pass, padding included. */ time: number;
    layer: number;
    back: boolean;
  }): tf.Tensor2D {
    const { model, places, largestPosition } = this.#options;
    this.#firstTime ??= time;
    const rotary = model.rotary[this.#layers[layer]!] ?? null;
    if (rotary === null) return rows;
    const [count, width] = rows.shape;
    const positions = tf.tensor2d(
      places.map(({ position }) => position),
      [count, 1],
      'int32',
    );
    let { cos, sin } = rotary.angles({ positions, largest: largestPosition + time - this.#firstTime });
    if (back) {
      // YaRN's angles are longer than 1: the way back divides by the square of their length.
      const length = tf.add(tf.square(cos), tf.square(sin));
      cos = tf.div(cos, length);
      sin = tf.div(tf.neg(sin), length);
    }
    return tf.reshape(
      rotate({
        input: tf.reshape(rows, [count, 1, width]) as tf.Tensor3D,
        heads: width / rotary.headWidth,
        dimensions: rotary.dimensions,
        cos,
        sin,
      }),
      [count, width],
    ) as tf.Tensor2D;
  }
}

function asRows(input: tf.Tensor3D): tf.Tensor2D {
  const [batch, time, width] = input.shape;
  return tf.reshape(input, [batch * time, width]) as tf.Tensor2D;
}
