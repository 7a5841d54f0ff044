import { KeyValueCache as KeyValueBuffers, tf, type ReservedPositions } from '@subtext/tensor';

/** Keys and values of all positions so far. */
export interface CachedKeysAndValues {
  /** `[batch, at least keyTime, width]` */
  key: tf.Tensor3D;
  /** `[batch, at least keyTime, width]` */
  value: tf.Tensor3D;
  /** Rows that are filled. Default all. */
  keyTime?: number;
}

/** One layer's part of a cache. */
export interface LayerCache {
  /** Adds the keys and values of the positions being computed, `[batch, time, width]`, and gives those of all positions so far. */
  append(options: { key: tf.Tensor3D; value: tf.Tensor3D }): CachedKeysAndValues;
  /**
   * Makes room for `time` positions of keys and values, `[batch, time, width]` each, and gives the buffers in which a
   * kernel writes them. Absent where a cache has none.
   */
  reserve?(options: { batch: number; time: number; width: number }): ReservedPositions;
  /**
   * Keys and values of the positions before, null if there are none, and how those of all positions so far take their place: where
   * a kernel makes these whole. Absent where a cache is written in place.
   */
  readonly grown?: {
    past: { key: tf.Tensor3D; value: tf.Tensor3D } | null;
    replace(all: { key: tf.Tensor3D; value: tf.Tensor3D }): void;
  };
}

/** Keys and values of the positions already computed, so that a further position costs one position. */
export interface KeyValueCache {
  /** The cache that this one stands before, such as to read what goes by. Default none. */
  readonly inner?: KeyValueCache;
  /** Positions held by every layer. */
  readonly length: number;
  /** The cache of layer `index`, counting from 0. */
  layer(index: number): LayerCache;
  /**
   * Called once all layers have appended `count` positions. What a layer holds beyond those, a pass that failed has left;
   * a negative count takes back the last positions.
   */
  advance(count: number): void;
  /** Keeps these rows of the batch, in this order: drops those that are finished. */
  selectRows(rows: readonly number[]): void;
  /**
   * Keeps these of each row's positions, as many in every row, in this order. Absent where a cache cannot let positions go, or a
   * layer counts them (a sliding window).
   */
  keepPositions?(columns: readonly ArrayLike<number>[]): void;
  /** Frees what the cache holds. */
  dispose(): void;
}

/**
 * A cache with a limit, written in place where the engine can; without gradients. What a pass that failed left in some of
 * its layers is forgotten by the next.
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
    /** Of a layer's keys: `keyValueHeads · headWidth`. */
    width: number;
    /** Whether a layer counts positions (a sliding window), so that none may go. @default false */
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
 * A cache that grows by concatenation and passes gradients: for training with continuous thoughts, where a later
 * position's loss must reach the earlier positions' keys and values. Its tensors belong to the scope (`tf.tidy`,
 * `tf.variableGrads`) in which they are made.
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
