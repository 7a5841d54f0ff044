import { KeyValueCache as KeyValueBuffers, tf, type ReservedPositions } from '@subtext/tensor';

/** Keys and values of all positions so far. */
export interface CachedKeysAndValues {
  /** `[batch, at least keyTime, width]` */
  key: tf.Tensor3D;
  /** `[batch, at least keyTime, width]` */
  value: tf.Tensor3D;
  /** Positions in use. Default: all. */
  keyTime?: number;
}

/** The cache of one layer. */
export interface LayerCache {
  /**
   * Appends the keys and values of the current positions, `[batch, time, width]`, and returns those of all positions so
   * far.
   */
  append(options: { key: tf.Tensor3D; value: tf.Tensor3D }): CachedKeysAndValues;
  /**
   * Reserves room for `time` positions of keys and values, `[batch, time, width]` each, and returns the buffers for a
   * kernel to write to. Absent if the cache does not support it.
   */
  reserve?(options: { batch: number; time: number; width: number }): ReservedPositions;
  /**
   * For kernels that concatenate keys and values themselves: those of earlier positions (null if there are none), and a
   * function that replaces them with those of all positions so far. Absent if the cache is written in place.
   */
  readonly grown?: {
    past: { key: tf.Tensor3D; value: tf.Tensor3D } | null;
    replace(all: { key: tf.Tensor3D; value: tf.Tensor3D }): void;
  };
}

/** Cached keys and values of earlier positions, so that each new position is computed only once. */
export interface KeyValueCache {
  /** The cache that this one wraps, for example to observe what is written. Default none. */
  readonly inner?: KeyValueCache;
  /** Number of cached positions. */
  readonly length: number;
  /** The cache of layer `index`, from 0. */
  layer(index: number): LayerCache;
  /**
   * Commits `count` positions once all layers have appended them; positions left over from a failed pass are discarded.
   * A negative count removes the last positions.
   */
  advance(count: number): void;
  /** Keeps these batch rows, in this order, and drops the others (finished sequences). */
  selectRows(rows: readonly number[]): void;
  /**
   * Keeps these positions of each row, the same number in every row. Absent if the cache cannot drop positions, for
   * example because a layer has a sliding window.
   */
  keepPositions?(columns: readonly ArrayLike<number>[]): void;
  /** Frees the cache. */
  dispose(): void;
}

/**
 * A fixed-capacity cache, written in place where the engine supports it; no gradients. Partial writes of a failed pass
 * are overwritten by the next one.
 */
export class PreallocatedCache implements KeyValueCache {
  length = 0;
  readonly keepPositions?: KeyValueCache['keepPositions'];
  readonly #buffers: KeyValueBuffers;

  constructor({
    layers,
    batch,
    capacity,
    width,
    counted = false,
  }: {
    layers: number;
    batch: number;
    capacity: number;
    /** Width of a layer's keys: `keyValueHeads · headWidth`. */
    width: number;
    /** Whether a layer has a sliding window, so that no position may be dropped. @default false */
    counted?: boolean;
  }) {
    this.#buffers = new KeyValueBuffers({ layers, batch, capacity, width });
    if (!counted)
      this.keepPositions = (columns) => {
        this.#buffers.keepPositions(columns);
        this.length = columns[0]!.length;
      };
  }

  layer(index: number): LayerCache {
    return {
      append: ({ key, value }) => this.#buffers.append({ layer: index, key, value, from: this.length }),
      reserve: (options) => this.#buffers.reserve({ layer: index, ...options, from: this.length }),
    };
  }

  advance(count: number): void {
    this.length += count;
  }

  selectRows(rows: readonly number[]): void {
    this.#buffers.selectRows(rows);
  }

  dispose(): void {
    this.#buffers.dispose();
    this.length = 0;
  }
}

/**
 * A cache that grows by concatenation and lets gradients flow: for training with continuous thoughts, where the loss at
 * a later position must reach the keys and values of earlier ones. Its tensors belong to the enclosing scope
 * (`tf.tidy`, `tf.variableGrads`).
 */
export class GrowingCache implements KeyValueCache {
  length = 0;
  readonly #entries: ({ key: tf.Tensor3D; value: tf.Tensor3D } | null)[];

  constructor({ layers }: { layers: number }) {
    this.#entries = new Array<null>(layers).fill(null);
  }

  layer(index: number): LayerCache {
    return {
      append: ({ key, value }) => {
        const earlier = this.#entries[index] ?? null;
        const entry =
          earlier === null
            ? { key, value }
            : { key: tf.concat([earlier.key, key], 1), value: tf.concat([earlier.value, value], 1) };
        this.#entries[index] = entry;
        return entry;
      },
      grown: {
        past: this.#entries[index] ?? null,
        replace: (all) => void (this.#entries[index] = all),
      },
    };
  }

  advance(count: number): void {
    this.length += count;
  }

  selectRows(rows: readonly number[]): void {
    const indices = tf.tensor1d([...rows], 'int32');
    for (const [index, entry] of this.#entries.entries()) {
      if (entry !== null)
        this.#entries[index] = { key: tf.gather(entry.key, indices), value: tf.gather(entry.value, indices) };
    }
  }

  dispose(): void {
    for (const entry of this.#entries) {
      entry?.key.dispose();
      entry?.value.dispose();
    }
    this.#entries.fill(null);
    this.length = 0;
  }
}
