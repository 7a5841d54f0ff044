import { tf } from '../tensorflow';
import { TensorError } from '../errors';
import { fusedKernels } from '../kernels/registry';

export interface KeyValueCacheOptions {
  /** How many layers keep keys and values. */
  layers: number;
  batch: number;
  /** The most positions it will hold. */
  capacity: number;
  /** `keyValueHeads · headWidth`. */
  width: number;
}

/** What a layer attends to: give all three to `attention`. */
export interface CachedKeysAndValues {
  /** `[batch, at least keyTime, width]`. */
  key: tf.Tensor3D;
  /** `[batch, at least keyTime, width]`. */
  value: tf.Tensor3D;
  /** How many rows of them are filled. */
  keyTime: number;
}

interface Layer {
  length: number;
  key: tf.Variable<tf.Rank.R3> | tf.Tensor3D | null;
  value: tf.Variable<tf.Rank.R3> | tf.Tensor3D | null;
}

/**
 * Keys and values of positions already computed, for generation. Where the engine can write in place
 * (`cacheWrite`), each layer has buffers of `[batch, capacity, width]`; elsewhere new rows are concatenated.
 * Rows of the batch may have positions that must not be seen (padding): {@link appendMask}.
 * No gradients flow through a cache.
 */
export class KeyValueCache {
  readonly #layers: Layer[];
  #batch: number;
  readonly capacity: number;
  readonly width: number;
  #mask: Int32Array[];
  #maskLength = 0;

  constructor({ layers, batch, capacity, width }: KeyValueCacheOptions) {
    for (const [name, value] of Object.entries({ layers, batch, capacity, width })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new TensorError({ code: 'invalid-argument', message: `KeyValueCache: ${name} must be a positive integer, got ${value}.` });
      }
    }
    this.#layers = Array.from({ length: layers }, () => ({ length: 0, key: null, value: null }));
    this.#batch = batch;
    this.capacity = capacity;
    this.width = width;
    this.#mask = Array.from({ length: batch }, () => new Int32Array(capacity).fill(1));
  }

  get batch(): number {
    return this.#batch;
  }

  /** Positions that every layer holds. */
  get length(): number {
    return Math.min(...this.#layers.map((layer) => layer.length));
  }

  /**
   * Adds a layer's keys and values (`[batch, time, width]` each) and returns all it now holds. What it returns is
   * the cache's own: do not dispose it, and use it before the next append.
   *
   * @throws TensorError `cache-full`, `shape-mismatch`.
   */
  append({ layer, key, value }: { layer: number; key: tf.Tensor3D; value: tf.Tensor3D }): CachedKeysAndValues {
    const entry = this.#layer(layer);
    for (const [name, tensor] of [['key', key], ['value', value]] as const) {
      if (tensor.shape.length !== 3 || tensor.shape[0] !== this.#batch || tensor.shape[2] !== this.width || tensor.shape[1] !== key.shape[1]) {
        throw new TensorError({ code: 'shape-mismatch', message: `KeyValueCache: ${name} must be [${this.#batch}, time, ${this.width}], got [${tensor.shape.join(', ')}].` });
      }
    }
    const length = this.#grown(entry, key.shape[1]);
    entry.key = this.#write(entry.key, key, entry.length);
    entry.value = this.#write(entry.value, value, entry.length);
    entry.length = length;
    return { key: entry.key, value: entry.value, keyTime: length };
  }

  /**
   * Makes room for a layer's next `time` positions and gives its buffers, for a kernel that writes them itself
   * (`decoderBlock`). Only where the engine writes in place.
   *
   * @throws TensorError `cache-full`.
   */
  reserve({ layer, time }: { layer: number; time: number }): { key: tf.Variable<tf.Rank.R3>; value: tf.Variable<tf.Rank.R3>; offset: number } {
    const entry = this.#layer(layer);
    const offset = entry.length;
    const length = this.#grown(entry, time);
    const key = (entry.key ??= this.#emptyBuffer()) as tf.Variable<tf.Rank.R3>;
    const value = (entry.value ??= this.#emptyBuffer()) as tf.Variable<tf.Rank.R3>;
    entry.length = length;
    return { key, value, offset };
  }

  /**
   * Says which of the next positions may be seen, row by row, before or after they are appended; positions for which
   * nothing is said may be seen.
   */
  appendMask(mask: readonly (readonly number[] | Int32Array)[]): void {
    const time = mask[0]?.length ?? 0;
    if (mask.length !== this.#batch || mask.some((row) => row.length !== time)) {
      throw new TensorError({ code: 'shape-mismatch', message: `KeyValueCache: the mask must have ${this.#batch} rows of one length.` });
    }
    if (this.#maskLength + time > this.capacity) {
      throw new TensorError({ code: 'cache-full', message: `KeyValueCache: a mask of ${this.#maskLength + time} positions exceeds the capacity of ${this.capacity}.` });
    }
    mask.forEach((row, index) => this.#mask[index]!.set(row, this.#maskLength));
    this.#maskLength += time;
  }

  /** int32 `[batch, keyTime]` for `attention`, or null if every position may be seen. */
  mask(keyTime: number = this.length): tf.Tensor2D | null {
    if (this.#mask.every((row) => !row.subarray(0, keyTime).includes(0))) {
      return null;
    }
    const values = new Int32Array(this.#batch * keyTime);
    this.#mask.forEach((row, index) => values.set(row.subarray(0, keyTime), index * keyTime));
    return tf.tensor2d(values, [this.#batch, keyTime], 'int32');
  }

  /** Forgets everything from position `length` on. */
  truncate(length: number): void {
    if (!Number.isInteger(length) || length < 0) {
      throw new TensorError({ code: 'invalid-argument', message: `KeyValueCache: cannot truncate to ${length}.` });
    }
    for (const layer of this.#layers) {
      layer.length = Math.min(layer.length, length);
    }
    this.#maskLength = Math.min(this.#maskLength, length);
    for (const row of this.#mask) {
      row.fill(1, this.#maskLength);
    }
  }

  /** Keeps these rows of the batch, in this order (repeats allowed): drops finished answers, or forks one. */
  selectRows(rows: readonly number[]): void {
    for (const row of rows) {
      if (!Number.isInteger(row) || row < 0 || row >= this.#batch) {
        throw new TensorError({ code: 'invalid-argument', message: `KeyValueCache: no row ${row} in a batch of ${this.#batch}.` });
      }
    }
    const select = (buffer: Layer['key']): Layer['key'] => {
      if (!buffer) {
        return null;
      }
      const chosen = tf.tidy(() => tf.gather(buffer as tf.Tensor3D, tf.tensor1d(Int32Array.from(rows), 'int32')));
      const inPlace = buffer instanceof tf.Variable;
      buffer.dispose();
      if (!inPlace) {
        return tf.keep(chosen);
      }
      const variable = tf.variable(chosen, false);
      chosen.dispose();
      return variable;
    };
    for (const layer of this.#layers) {
      layer.key = select(layer.key);
      layer.value = select(layer.value);
    }
    this.#mask = rows.map((row) => this.#mask[row]!.slice());
    this.#batch = rows.length;
  }

  dispose(): void {
    for (const layer of this.#layers) {
      layer.key?.dispose();
      layer.value?.dispose();
      layer.key = layer.value = null;
      layer.length = 0;
    }
  }

  #layer(index: number): Layer {
    const entry = this.#layers[index];
    if (!entry) {
      throw new TensorError({ code: 'invalid-argument', message: `KeyValueCache: no layer ${index} among ${this.#layers.length}.` });
    }
    return entry;
  }

  /** A layer's length with `time` more positions. */
  #grown(entry: Layer, time: number): number {
    const length = entry.length + time;
    if (length > this.capacity) {
      throw new TensorError({ code: 'cache-full', message: `KeyValueCache: ${length} positions exceed the capacity of ${this.capacity}.` });
    }
    return length;
  }

  #emptyBuffer(): tf.Variable<tf.Rank.R3> {
    const zeros = tf.zeros<tf.Rank.R3>([this.#batch, this.capacity, this.width]);
    const variable = tf.variable(zeros, false);
    zeros.dispose();
    return variable;
  }

  #write(buffer: Layer['key'], update: tf.Tensor3D, offset: number): tf.Variable<tf.Rank.R3> | tf.Tensor3D {
    const inPlace = fusedKernels().cacheWrite;
    if (inPlace && (buffer === null || buffer instanceof tf.Variable)) {
      let variable = buffer;
      if (!variable) {
        variable = this.#emptyBuffer();
      }
      inPlace({ buffer: variable, update, offset });
      return variable;
    }
    const extended = tf.keep(
      tf.tidy(() => {
        if (!buffer || offset === 0) {
          return tf.clone(update);
        }
        const before = buffer.shape[1] === offset ? buffer : tf.slice(buffer, [0, 0, 0], [this.#batch, offset, this.width]);
        return tf.concat([before as tf.Tensor3D, update], 1);
      }),
    );
    buffer?.dispose();
    return extended;
  }
}
