import { tf } from '@subtext/tensor';

/**
 * Sliding-window masks that count positions instead of columns. Where a row has masked columns between positions
 * (padding while other rows think), those take up no room in its windows, so that a row's results do not depend on the
 * rest of the batch. With left padding only, the two are the same.
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
    /** int32 or bool `[batch, keyTime]`, nonzero where there is a position. */
    mask: tf.Tensor2D;
    /** Number of last columns that are queries. */
    queryTime: number;
    /**
     * int32 `[batch, queryTime, keyTime]`: additional mask per query; masked keys still count as positions. Default:
     * none masked.
     */
    sight?: tf.Tensor3D | null;
  }) {
    this.#mask = mask;
    this.#queryTime = queryTime;
    this.#sight = sight;
  }

  /**
   * int32 `[batch, queryTime, keyTime]`: the last `window` positions up to each query, and those after it. Belongs to
   * the caller's scope.
   */
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
