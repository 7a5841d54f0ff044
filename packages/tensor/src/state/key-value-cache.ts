import { tf } from '../tensorflow';
import { TensorError } from '../errors';
import { cacheWrite, writesInPlace } from '../operations/cache-write';
import { checkFloat } from '../operations/check';

export interface KeyValueCacheOptions {
  /** Number of layers. */
  layers: number;
  batch: number;
  /** Maximum number of positions. Memory grows on demand by doubling. */
  capacity: number;
  /** `keyValueHeads · headWidth`. */
  width: number;
}

/** A layer's keys and values, as arguments for `attention`. */
export interface CachedKeysAndValues {
  /** `[batch, at least keyTime, width]`. */
  key: tf.Tensor3D;
  /** `[batch, at least keyTime, width]`. */
  value: tf.Tensor3D;
  /** Number of filled rows. */
  keyTime: number;
}

/** Initial size of a buffer in positions, if the capacity allows. */
const firstRoom = 32;

interface Layer {
  length: number;
  key: tf.Variable<tf.Rank.R3> | tf.Tensor3D | null;
  value: tf.Variable<tf.Rank.R3> | tf.Tensor3D | null;
}

/**
 * Key/value cache for generation. If the engine can write in place (`cacheWrite`), each layer has buffers
 * `[batch, room, width]` that grow on demand up to the capacity; otherwise new rows are concatenated. No gradients flow
 * through a cache.
 */
export class KeyValueCache {
  readonly #layers: Layer[];
  #batch: number;
  readonly capacity: number;
  readonly width: number;

  constructor({ layers, batch, capacity, width }: KeyValueCacheOptions) {
    for (const [name, value] of Object.entries({ layers, batch, capacity, width })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new TensorError({
          code: 'invalid-option',
          message: `KeyValueCache: ${name} must be a positive integer, got ${value}.`,
        });
      }
    }
    this.#layers = Array.from({ length: layers }, () => ({ length: 0, key: null, value: null }));
    this.#batch = batch;
    this.capacity = capacity;
    this.width = width;
  }

  get batch(): number {
    return this.#batch;
  }

  /** Number of positions that every layer holds. */
  get length(): number {
    return Math.min(...this.#layers.map((layer) => layer.length));
  }

  /**
   * Appends a layer's keys and values (`[batch, time, width]` each) and returns all it now holds. The cache owns the result:
   * do not dispose it, and use it before the next append.
   *
   * @throws TensorError `cache-full`, `shape-mismatch`; the layer is unchanged then
   */
  append({
    layer,
    key,
    value,
    from,
  }: {
    layer: number;
    key: tf.Tensor3D;
    value: tf.Tensor3D;
    /** Truncates the layer to this length first. @default no truncation */ from?: number;
  }): CachedKeysAndValues {
    const entry = this.#layer(layer);
    for (const [name, tensor] of [
      ['key', key],
      ['value', value],
    ] as const) {
      checkFloat('KeyValueCache', name, tensor);
      if (!tf.util.arraysEqual(tensor.shape, [this.#batch, key.shape[1] ?? 0, this.width])) {
        throw new TensorError({
          code: 'shape-mismatch',
          message: `KeyValueCache: ${name} must be [${this.#batch}, time, ${this.width}]${name === 'value' ? ' as key' : ''}, got [${tensor.shape.join(', ')}].`,
        });
      }
    }
    const { offset, length } = this.#place(entry, key.shape[1], from);
    entry.key = this.#write(entry.key, key, offset);
    entry.value = this.#write(entry.value, value, offset);
    entry.length = length;
    return { key: entry.key, value: entry.value, keyTime: length };
  }

  /**
   * Reserves room for a layer's next `time` positions and returns its buffers, for a kernel that writes them itself
   * (`decoderBlock`). Only if the engine writes in place.
   *
   * @throws TensorError `cache-full`, `shape-mismatch`, or `invalid-option` if the engine does not write in place; the layer
   *   is unchanged then
   */
  reserve({
    layer,
    batch,
    time,
    width,
    from,
  }: {
    layer: number;
    batch: number;
    time: number;
    width: number;
    /** As in {@link append}. */ from?: number;
  }): { key: tf.Variable<tf.Rank.R3>; value: tf.Variable<tf.Rank.R3>; offset: number } {
    const entry = this.#layer(layer);
    if (!Number.isInteger(time) || time < 0) {
      throw new TensorError({
        code: 'invalid-option',
        message: `KeyValueCache: time must be a whole number, got ${time}.`,
      });
    }
    if (batch !== this.#batch || width !== this.width) {
      throw new TensorError({
        code: 'shape-mismatch',
        message: `KeyValueCache: keys and values must be [${this.#batch}, time, ${this.width}], got [${batch}, ${time}, ${width}].`,
      });
    }
    if (
      !writesInPlace() ||
      [entry.key, entry.value].some((buffer) => buffer !== null && !(buffer instanceof tf.Variable))
    ) {
      throw new TensorError({
        code: 'invalid-option',
        message: 'KeyValueCache: this engine does not write in place, or did not when the cache was begun; use append.',
      });
    }
    const { offset, length } = this.#place(entry, time, from);
    const key = (entry.key = this.#withRoom(entry.key as tf.Variable<tf.Rank.R3> | null, length, offset));
    const value = (entry.value = this.#withRoom(entry.value as tf.Variable<tf.Rank.R3> | null, length, offset));
    entry.length = length;
    return { key, value, offset };
  }

  /** Keeps these rows of the batch, in this order, repeats allowed: drops finished sequences or forks one. */
  selectRows(rows: readonly number[]): void {
    if (rows.length === 0) {
      throw new TensorError({
        code: 'invalid-option',
        message: 'KeyValueCache: no row is kept; dispose of the cache instead.',
      });
    }
    for (const row of rows) {
      if (!Number.isInteger(row) || row < 0 || row >= this.#batch) {
        throw new TensorError({
          code: 'invalid-option',
          message: `KeyValueCache: no row ${row} in a batch of ${this.#batch}.`,
        });
      }
    }
    this.#replaceBuffers((buffer) => tf.gather(buffer, tf.tensor1d(Int32Array.from(rows), 'int32')));
    this.#batch = rows.length;
  }

  /**
   * Keeps some positions of each row, in this order and equally many per row, to free memory of positions that are no longer
   * attended to. The caller keeps track of the new positions.
   *
   * @throws TensorError `invalid-option` for a wrong number of rows or columns, or a column that a layer does not hold
   */
  keepPositions(columns: readonly ArrayLike<number>[]): void {
    const kept = columns[0]?.length ?? 0;
    const { length } = this;
    const fits =
      columns.length === this.#batch &&
      kept > 0 &&
      columns.every((row) => row.length === kept && Array.from(row).every((column) => column >= 0 && column < length));
    if (!fits)
      throw new TensorError({
        code: 'invalid-option',
        message: `KeyValueCache: keepPositions takes for each of ${this.#batch} rows as many columns below ${length}, at least one.`,
      });
    this.#replaceBuffers((buffer) => {
      const [batch, room, width] = buffer.shape;
      const rows = columns.flatMap((row, index) => Array.from(row, (column) => index * room + column));
      const flat = tf.reshape(buffer, [batch * room, width]);
      return tf.reshape(tf.gather(flat, tf.tensor1d(rows, 'int32')), [batch, kept, width]);
    });
    for (const layer of this.#layers) layer.length = Math.min(layer.length, kept);
  }

  dispose(): void {
    for (const layer of this.#layers) {
      layer.key?.dispose();
      layer.value?.dispose();
      layer.key = layer.value = null;
      layer.length = 0;
    }
  }

  /** Replaces every layer's buffers. */
  #replaceBuffers(other: (buffer: tf.Tensor3D) => tf.Tensor): void {
    const replaced = (buffer: Layer['key']): Layer['key'] => {
      if (!buffer) return null;
      const chosen = tf.tidy(() => other(buffer as tf.Tensor3D)) as tf.Tensor3D;
      const inPlace = buffer instanceof tf.Variable;
      buffer.dispose();
      if (!inPlace) return tf.keep(chosen);
      const variable = tf.variable(chosen, false);
      chosen.dispose();
      return variable;
    };
    for (const layer of this.#layers) {
      layer.key = replaced(layer.key);
      layer.value = replaced(layer.value);
    }
  }

  #layer(index: number): Layer {
    const entry = this.#layers[index];
    if (!entry) {
      throw new TensorError({
        code: 'invalid-option',
        message: `KeyValueCache: no layer ${index} among ${this.#layers.length}.`,
      });
    }
    return entry;
  }

  /** Offset of the next `time` positions of a layer, and its length including them. */
  #place(entry: Layer, time: number, from: number = entry.length): { offset: number; length: number } {
    if (!Number.isInteger(from) || from < 0 || from > entry.length) {
      throw new TensorError({
        code: 'invalid-option',
        message: `KeyValueCache: position ${from} is none of the ${entry.length} that the layer holds.`,
      });
    }
    const length = from + time;
    if (length > this.capacity) {
      throw new TensorError({
        code: 'cache-full',
        message: `KeyValueCache: ${length} positions exceed the capacity of ${this.capacity}.`,
      });
    }
    return { offset: from, length };
  }

  /** A buffer with room for `length` positions: this one, or a larger replacement with its first `held` positions copied. */
  #withRoom(buffer: tf.Variable<tf.Rank.R3> | null, length: number, held: number): tf.Variable<tf.Rank.R3> {
    const room = buffer?.shape[1] ?? 0;
    if (buffer !== null && room >= length) {
      return buffer;
    }
    const wanted = Math.min(this.capacity, Math.max(length, 2 * room, firstRoom));
    const values = tf.tidy(() => {
      const empty = (time: number) => tf.zeros<tf.Rank.R3>([this.#batch, time, this.width]);
      return buffer === null || held === 0
        ? empty(wanted)
        : tf.concat([tf.slice(buffer, [0, 0, 0], [this.#batch, held, this.width]), empty(wanted - held)], 1);
    });
    const variable = tf.variable(values as tf.Tensor3D, false);
    values.dispose();
    buffer?.dispose();
    return variable;
  }

  #write(buffer: Layer['key'], update: tf.Tensor3D, offset: number): tf.Variable<tf.Rank.R3> | tf.Tensor3D {
    if (writesInPlace() && (buffer === null || buffer instanceof tf.Variable)) {
      const variable = this.#withRoom(buffer, offset + update.shape[1], offset);
      cacheWrite({ buffer: variable, update, offset });
      return variable;
    }
    const extended = tf.keep(
      tf.tidy(() => {
        if (!buffer || offset === 0) {
          return tf.clone(update);
        }
        const before =
          buffer.shape[1] === offset ? buffer : tf.slice(buffer, [0, 0, 0], [this.#batch, offset, this.width]);
        return tf.concat([before as tf.Tensor3D, update], 1);
      }),
    );
    buffer?.dispose();
    return extended;
  }
}
