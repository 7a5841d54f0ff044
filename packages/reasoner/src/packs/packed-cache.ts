import type { KeyValueCache } from '@subtext/nn';
import type { tf } from '@subtext/tensor';

type LayerCache = ReturnType<KeyValueCache['layer']>;

/** By layer, `[batch, rows, width]` each. */
export type PrefixRows = readonly { key: tf.Tensor3D; value: tf.Tensor3D }[];

/**
 * A cache whose first rows are those of packs. Outside it counts what follows them, as if there were no packs; the model
 * that writes it gets {@link packedView}.
 */
export class PackedCache implements KeyValueCache {
  readonly inner: KeyValueCache;
  /** Rows of the packs. */
  readonly rows: number;
  #filled = false;

  constructor({ inner, rows }: { inner: KeyValueCache; rows: number }) {
    this.inner = inner;
    this.rows = rows;
  }

  /** Puts the packs' rows in place, before the first pass. */
  fill(prefix: () => PrefixRows): void {
    if (this.#filled) return;
    for (const [layer, rows] of prefix().entries()) this.inner.layer(layer).append(rows);
    this.inner.advance(this.rows);
    this.#filled = true;
  }

  get length(): number {
    return this.#filled ? this.inner.length - this.rows : 0;
  }

  layer(index: number): LayerCache {
    return this.inner.layer(index);
  }

  advance(count: number): void {
    this.inner.advance(count);
  }

  selectRows(rows: readonly number[]): void {
    this.inner.selectRows(rows);
  }

  get keepPositions(): KeyValueCache['keepPositions'] {
    if (!this.inner.keepPositions) return undefined;
    return (columns) => {
      const packs = Array.from({ length: this.rows }, (_, row) => row);
      this.inner.keepPositions!(columns.map((kept) => [...packs, ...Array.from(kept, (column) => column + this.rows)]));
    };
  }

  dispose(): void {
    this.inner.dispose();
  }
}

/** The cache of packs that `cache` is, or stands before. */
export function findPackedCache(cache: KeyValueCache): PackedCache | undefined {
  let at: KeyValueCache | undefined = cache;
  while (at !== undefined && !(at instanceof PackedCache)) at = at.inner;
  return at;
}

/** `cache` as the model sees it, that writes it: the packs' rows are positions of it. */
export function packedView({ cache, rows }: { cache: KeyValueCache; rows: number }): KeyValueCache {
  return {
    inner: cache,
    get length() {
      return cache.length + rows;
    },
    layer: (index) => cache.layer(index),
    advance: (count) => cache.advance(count),
    selectRows: (kept) => cache.selectRows(kept),
    dispose: () => cache.dispose(),
  };
}
