import { tf } from '@subtext/tensor';

/**
 * Masks for sliding windows that count positions instead of columns: where a row has columns that nothing sees (padding
 * between positions, while other rows think), these take no room in its windows, so that a row's results do not depend on
 * the rows beside it. With padding before the first position alone, both countings are the same.
 */
export class WindowMasks {
  readonly #mask: tf.Tensor2D;
  readonly #queryTime: number;
  readonly #sight: tf.Tensor3D | null;
  readonly #masks = new Map<number, tf.Tensor3D>();

  constructor({
    mask,
    queryTime,
    sight = null,
  }: {
    /** int32 or bool `[batch, keyTime]`, not 0 where there is a position. */
    mask: tf.Tensor2D;
    /** How many of the last columns are queries. */
    queryTime: number;
    /** int32 `[batch, queryTime, keyTime]`: what each query may look at besides; a key that it may not still counts as a position. Default all. */
    sight?: tf.Tensor3D | null;
  }) {
    this.#mask = mask;
    this.#queryTime = queryTime;
    this.#sight = sight;
  }

  /** int32 `[batch, queryTime, keyTime]`: the last `window` positions up to each query, and those after it. It lives in the caller's scope. */
  of(window: number): tf.Tensor3D {
    let made = this.#masks.get(window);
    if (made === undefined) {
      made = tf.tidy((): tf.Tensor3D => {
        const [batch, keyTime] = this.#mask.shape;
        const seen = tf.cast(tf.notEqual(this.#mask, tf.zerosLike(this.#mask)), 'int32');
        const counts = tf.cumsum(seen, 1);
        const own = tf.slice(counts, [0, keyTime - this.#queryTime], [batch, this.#queryTime]);
        const inside = tf.less(
          tf.sub(tf.reshape(own, [batch, -1, 1]), tf.reshape(counts, [batch, 1, keyTime])),
          tf.scalar(window, 'int32'),
        );
        const masked = tf.mul(tf.cast(inside, 'int32'), tf.reshape(seen, [batch, 1, keyTime])) as tf.Tensor3D;
        return this.#sight === null ? masked : tf.mul<tf.Tensor3D>(masked, this.#sight);
      });
      this.#masks.set(window, made);
    }
    return made;
  }
}
