import { tf } from '@subtext/tensor';

/** One layer's part of a cache. */
export interface LayerCache {
  /**
   * Adds the keys and values of the positions being computed, `[batch, time, width]`, and gives those of all positions
   * so far, `[batch, length + time, width]`.
   */
  append(options: { key: tf.Tensor3D; value: tf.Tensor3D }): { key: tf.Tensor3D; value: tf.Tensor3D };
}

/** Keys and values of the positions already computed, so that a further position costs one position. */
export interface KeyValueCache {
  /** Positions held by every layer. */
  readonly length: number;
  /** The cache of layer `index`, counting from 0. */
  layer(index: number): LayerCache;
  /** Called once all layers have appended `count` positions. */
  advance(count: number): void;
  /** Frees what the cache holds. */
  dispose(): void;
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
        const entry = earlier === null ? { key, value } : { key: tf.concat([earlier.key, key], 1), value: tf.concat([earlier.value, value], 1) };
        this.#entries[index] = entry;
        return entry;
      },
    };
  }

  advance(count: number): void {
    this.length += count;
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
