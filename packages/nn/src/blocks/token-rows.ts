import { linear, tf } from '@subtext/tensor';

/**
 * Token rows stored separately from their table, so that they can train beside an adapter while the table stays frozen
 * (PEFT's `trainable_token_indices`). A row replaces the table's row rather than being added to it, so that merging
 * gives bit-identical results. Tied output embeddings share the embedding's rows.
 */
export class TokenRows {
  /** Token ids, in PEFT's order. */
  readonly ids: readonly number[];
  /** Replacement rows: `[ids, width]`. */
  readonly values: tf.Variable;
  /** Whether the rows have been merged into the table; they then have no effect. */
  merged = false;

  constructor({ ids, values }: { ids: readonly number[]; values: tf.Variable }) {
    this.ids = ids;
    this.values = values;
  }

  /** Replaces these tokens in `found`, the rows `[..., width]` looked up for ids `[...]`. */
  embed({ ids, found }: { ids: tf.Tensor; found: tf.Tensor }): tf.Tensor {
    if (this.merged) return found;
    const width = found.shape[found.shape.length - 1] as number;
    // A one-hot selection of exact zeros and ones, so that other rows stay bit-identical.
    const chosen = tf.cast(
      tf.equal(tf.reshape(ids, [-1, 1]), tf.tensor2d([...this.ids], [1, this.ids.length], 'int32')),
      'float32',
    ) as tf.Tensor2D;
    const others = tf.sub(1, tf.sum(chosen, 1, true));
    const flat = tf.reshape(found, [-1, width]);
    const rows = tf.add(tf.mul(flat, others), tf.matMul(chosen, this.values as tf.Tensor2D));
    return tf.reshape(rows, found.shape);
  }

  /** Replaces these tokens' entries in `products`, the product `[..., rows of the table]` of `input` with the table. */
  project({ input, products }: { input: tf.Tensor; products: tf.Tensor }): tf.Tensor {
    if (this.merged) return products;
    const own = linear({ input, weight: this.values as tf.Tensor2D });
    const { shape } = products;
    const count = shape[shape.length - 1] as number;
    const first = this.ids[0] as number;
    const end = first + this.ids.length;
    const axis = shape.length - 1;
    if (this.ids.every((id, index) => id === first + index)) {
      // New tokens have consecutive ids, so slicing replaces the matrix product.
      const sizes = [first, this.ids.length, count - end];
      const [before, , after] = tf.split(products, sizes, axis);
      return tf.concat([...(first > 0 ? [before!] : []), own, ...(end < count ? [after!] : [])], axis);
    }
    const places = new Float32Array(this.ids.length * count);
    const others = new Float32Array(count).fill(1);
    for (const [index, id] of this.ids.entries()) {
      places[index * count + id] = 1;
      others[id] = 0;
    }
    const flat = tf.reshape(own, [-1, this.ids.length]) as tf.Tensor2D;
    const placed = tf.reshape(tf.matMul(flat, tf.tensor2d(places, [this.ids.length, count])), shape);
    return tf.add(tf.mul(products, tf.tensor1d(others)), placed);
  }

  /** The table with these rows replaced: `[rows, width]`. */
  into(table: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() => {
      const ids = tf.tensor2d([...this.ids], [this.ids.length, 1], 'int32');
      return tf.tensorScatterUpdate(table, ids, this.values as tf.Tensor2D) as tf.Tensor2D;
    });
  }
}
