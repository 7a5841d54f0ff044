import { lastPositions, type KeyValueCache } from '@subtext/nn';
import { tf } from '@subtext/tensor';

import type { ForwardOptions, ForwardResult, LanguageModel } from '../language-model';
import { ModelError } from '../model-error';
import { tidied } from '../tidied';
import { rotationSwitch } from '../rotation-switch';
import { checkRowMask } from './row-mask';
import { HIDDEN, maskTensor, NOTHING, positionsOf, SEEN } from './held-columns';
import { leftColumns } from './left-columns';
import { type RowSight, sightVisibility } from './row-sight';

export interface DecodingSessionOptions {
  model: LanguageModel;
  /** Batch size. */
  batch: number;
  /** Maximum number of positions, including padding; memory grows as needed. */
  capacity: number;
  /** Extra inputs of every pass, such as image states for cross-attention. Default none. */
  forwardExtras?: Partial<ForwardOptions>;
  /** KV cache to use, for example one that replaces some entries; freed with the session. Default: the model's own. */
  cache?: KeyValueCache;
  /** By row, positions (counting padding) that are masked for all positions, including themselves. Default none. */
  hidden?: readonly (readonly number[])[];
  /**
   * By row, the visibility mask; it is updated as tokens are fed, and owned by the session from then on. Default:
   * causal.
   */
  sights?: readonly RowSight[];
}

/** Input of {@link DecodingSession.feed}. */
export interface FeedOptions {
  /** `[batch, time, width]`: embedded ids, images, or hidden states (continuous thoughts). */
  embeddings: tf.Tensor3D;
  /**
   * Attention mask, `batch` rows of `time` values: 0 where a row has no token (padding, or a row that waits while
   * others think). Such positions are masked and do not count. Default: no padding.
   */
  mask?: readonly (readonly number[] | Int32Array)[] | null;
  /** By row, the token ids of the last positions, for `sights` that determine roles from tokens. Default: unknown. */
  ids?: readonly (readonly number[] | Int32Array)[];
  /** Whether to return every layer's output. Default false. */
  outputHiddenStates?: boolean;
  /** Whether to return every layer's attention weights. Default false. */
  outputAttentions?: boolean;
  /** Number of last positions to return in `hidden`; what only the others need is not computed. Default all. */
  outputPositions?: number;
}

/**
 * Step-by-step decoding with a KV cache: feed a prompt, then one position at a time, each an embedded token or a hidden
 * state. Each position is computed once, plus once more if the model's rotary embedding switches (LongRoPE).
 *
 * ```ts
 * const session = new DecodingSession({ model, batch: 1, capacity: 64 });
 * let { hidden } = session.feed({ embeddings: model.embed(promptIds) });
 * ({ hidden } = session.feed({ embeddings: lastPosition(hidden) })); // a continuous thought
 * const logits = session.logits(hidden);                             // [batch, vocabulary]
 * session.dispose();
 * ```
 */
export class DecodingSession {
  readonly model: LanguageModel;
  readonly capacity: number;
  readonly #cache: KeyValueCache;
  readonly #forwardExtras: Partial<ForwardOptions>;
  /** By row and column: {@link NOTHING}, {@link SEEN} or {@link HIDDEN}. */
  #seen: Uint8Array[];
  /** By row and column: the position there, −1 if there is none. */
  #places: Int32Array[];
  /** By row: columns that are masked for all positions. */
  #hidden: ReadonlySet<number>[];
  /** By row: the visibility mask; null for causal attention. */
  #sights: RowSight[] | null;
  /** Number of rows for which it was known, at the last check, which positions can be dropped. */
  #settled = 0;
  /** By row: number of positions so far, which is the position of the next input. */
  #counts: number[];
  /** Whether any row has a masked position. */
  #padded = false;
  /** See {@link rotationSwitch}; null if the session cannot reach it. */
  readonly #switch: number | null;
  /** Whether the cached keys are beyond the switch; null after a failed attempt to recompute them. */
  #beyond: boolean | null = false;
  /** All inputs so far, to be recomputed when the rotary embedding switches; empty if it never does. */
  #fed: tf.Tensor3D[] = [];

  constructor({ model, batch, capacity, forwardExtras = {}, cache, hidden = [], sights }: DecodingSessionOptions) {
    this.model = model;
    this.capacity = capacity;
    this.#forwardExtras = forwardExtras;
    this.#cache = cache ?? model.newCache({ batch, capacity });
    this.#hidden = Array.from({ length: batch }, (_, row) => new Set(hidden[row]));
    this.#sights = sights ? [...sights] : null;
    if (sights && sights.length !== batch)
      throw new ModelError({
        code: 'invalid-option',
        message: `The session has ${batch} rows, but visibility was given for ${sights.length}.`,
      });
    this.#seen = Array.from({ length: batch }, () => new Uint8Array(0));
    this.#places = Array.from({ length: batch }, () => new Int32Array(0));
    this.#counts = new Array<number>(batch).fill(0);
    const after = rotationSwitch(model);
    this.#switch = after !== null && after < capacity ? after : null;
  }

  /** Current batch size. */
  get batch(): number {
    return this.#counts.length;
  }

  /** Number of cached positions, including padding; dropped positions do not count. */
  get length(): number {
    return this.#cache.length;
  }

  /** The position of each row's next input. */
  get positions(): readonly number[] {
    return this.#counts;
  }

  /**
   * Runs the next positions of every row. The returned tensors are owned by the caller. `hidden` is
   * `[batch, outputPositions, width]`, after the final norm; undefined where the mask is 0.
   *
   * @throws ModelError, and whatever the model throws; the session is then unchanged
   */
  feed({
    embeddings,
    mask = null,
    ids,
    outputHiddenStates = false,
    outputAttentions = false,
    outputPositions,
  }: FeedOptions): ForwardResult {
    const [batch, time] = embeddings.shape;
    this.#letGo();
    const offset = this.#cache.length;
    if (batch !== this.batch)
      throw new ModelError({
        code: 'invalid-option',
        message: `The session has ${this.batch} rows, but was fed ${batch}.`,
      });
    if (offset + time > this.capacity) {
      throw new ModelError({
        code: 'too-many-positions',
        message: `The session has room for ${this.capacity} positions; ${offset} are taken and ${time} more were fed.`,
      });
    }
    if (mask !== null) checkRowMask({ what: 'The mask', mask, batch, time });
    let padded = this.#padded;
    const counts = [...this.#counts];
    const known = ids?.map((row) => time - row.length);
    const places = this.#places.map((before) => {
      const longer = new Int32Array(offset + time).fill(-1);
      longer.set(before.subarray(0, offset));
      return longer;
    });
    const seen = this.#seen.map((before, row) => {
      const longer = new Uint8Array(offset + time);
      longer.set(before.subarray(0, offset));
      for (let index = 0; index < time; index++) {
        if (mask !== null && (mask[row] as readonly number[])[index] === 0) {
          padded = true;
          continue;
        }
        const isHidden = (this.#hidden[row] as ReadonlySet<number>).has(offset + index);
        if (isHidden) padded = true;
        longer[offset + index] = isHidden ? HIDDEN : SEEN;
        places[row]![offset + index] = counts[row] as number;
        this.#sights?.[row]?.push(ids?.[row]?.[index - (known?.[row] as number)] ?? null);
        counts[row] = (counts[row] as number) + 1;
      }
      return longer;
    });
    const beyond = this.#switch !== null && Math.max(...counts) > this.#switch;
    const switches = offset > 0 && beyond !== this.#beyond;
    const first = switches ? 0 : offset;
    const pass = () =>
      tidied(() => {
        const { hidden, hiddenStates, attentions, pictureAttentions } = this.model.forward({
          ...this.#forwardExtras,
          embeddings: switches ? tf.concat([...this.#fed, embeddings], 1) : embeddings,
          cache: this.#cache,
          outputHiddenStates,
          outputAttentions,
          outputPositions: outputPositions ?? time,
          ...(this.#sights && {
            visibility: sightVisibility({ sights: this.#sights, columns: seen, places, first }),
          }),
          ...(padded && { mask: maskTensor(seen), ...positionsOf({ places, first }) }),
        });
        return {
          hidden,
          hiddenStates: switches
            ? (hiddenStates?.map((states) => lastPositions({ states, count: time })) ?? null)
            : hiddenStates,
          ...(attentions && {
            attentions: attentions.map(
              (weights) => tf.slice(weights, [0, 0, weights.shape[2] - time, 0]) as tf.Tensor4D,
            ),
          }),
          ...(pictureAttentions && { pictureAttentions }),
        };
      });
    let result: ForwardResult;
    try {
      if (switches) {
        this.#cache.advance(-offset);
        this.#beyond = null;
      }
      result = pass();
    } catch (error) {
      // The model advances its position count before the pass is complete.
      if (this.#cache.length !== offset) this.#cache.advance(offset - this.#cache.length);
      for (const [row, sight] of (this.#sights ?? []).entries())
        sight.forgetLast((counts[row] as number) - (this.#counts[row] as number));
      throw error;
    }
    this.#beyond = beyond;
    if (this.#switch !== null) this.#fed.push(tf.keep(embeddings.clone()));
    this.#seen = seen;
    this.#places = places;
    this.#counts = counts;
    this.#padded = padded;
    return result;
  }

  /** Logits of the last position in `hidden`, as returned by `feed`: `[batch, vocabulary]`. */
  logits(hidden: tf.Tensor3D): tf.Tensor2D {
    return tf.tidy(() =>
      this.model.logits(lastPosition(hidden).reshape([hidden.shape[0], hidden.shape[2]]) as tf.Tensor2D),
    );
  }

  /**
   * Removes the last positions of each row, `counts[row]` of them: they are masked, and the next input takes their
   * place in the count. Used to reject drafts. Their cache memory is not released.
   */
  forgetLast(counts: readonly number[]): void {
    const { length } = this.#cache;
    const fits =
      counts.length === this.batch &&
      counts.every((count, row) => Number.isInteger(count) && count >= 0 && this.#endsSeen(row, count, length));
    if (!fits)
      throw new ModelError({
        code: 'invalid-option',
        message: `forgetLast takes the number of last positions to remove for each of ${this.batch} rows, none of them masked; got ${counts.join(', ')}.`,
      });
    for (const [row, count] of counts.entries()) {
      if (count === 0) continue;
      (this.#seen[row] as Uint8Array).fill(0, length - count, length);
      (this.#places[row] as Int32Array).fill(-1, length - count, length);
      this.#counts[row] = (this.#counts[row] as number) - count;
      this.#sights?.[row]?.forgetLast(count);
      this.#padded = true;
    }
  }

  /**
   * Keeps the first `length` positions of every row, including padding, and releases the rest: the next input takes
   * their place.
   */
  keepFirst(length: number): void {
    const held = this.#cache.length;
    if (!Number.isInteger(length) || length < 0 || length > held)
      throw new ModelError({
        code: 'invalid-option',
        message: `keepFirst takes the number of positions to keep, at most ${held}; got ${length}.`,
      });
    if (length === held) return;
    for (const [row, places] of this.#places.entries()) {
      const gone = places.subarray(length, held).filter((place) => place >= 0).length;
      this.#counts[row] = (this.#counts[row] as number) - gone;
      this.#sights?.[row]?.forgetLast(gone);
    }
    this.#seen = this.#seen.map((row) => row.slice(0, length));
    this.#places = this.#places.map((row) => row.slice(0, length));
    this.#cache.advance(length - held);
    if (this.#switch === null) return;
    let room = length;
    this.#fed = this.#fed.flatMap((embeddings) => {
      const [batch, time, width] = embeddings.shape;
      const kept = Math.min(room, time);
      room -= kept;
      if (kept === time) return [embeddings];
      const first = kept === 0 ? [] : [tf.keep(tf.slice(embeddings, [0, 0, 0], [batch, kept, width]))];
      embeddings.dispose();
      return first;
    });
  }

  /** Keeps these rows, in this order, and drops the others; a repeated row is duplicated. */
  selectRows(rows: readonly number[]): void {
    this.#cache.selectRows(rows);
    this.#fed = this.#fed.map((embeddings) => {
      const selected = tf.tidy(() => tf.gather(embeddings, tf.tensor1d([...rows], 'int32')));
      embeddings.dispose();
      return tf.keep(selected);
    });
    this.#seen = rows.map((row) => (this.#seen[row] as Uint8Array).slice());
    this.#places = rows.map((row) => (this.#places[row] as Int32Array).slice());
    this.#settled = 0;
    this.#hidden = rows.map((row) => this.#hidden[row] as ReadonlySet<number>);
    this.#counts = rows.map((row) => this.#counts[row] as number);
    this.#sights = this.#sights && rows.map((row) => (this.#sights?.[row] as RowSight).copy());
  }

  /** Frees the KV cache. */
  dispose(): void {
    this.#cache.dispose();
    tf.dispose(this.#fed);
    this.#fed = [];
  }

  /**
   * Drops keys and values that no later position can attend to, once they are half of the cache: copying the rest costs
   * about one step.
   */
  #letGo(): void {
    const { length } = this.#cache;
    // Recomputation after a rotary switch needs all columns, and so do layers that count them.
    if (!this.#sights || !this.#cache.keepPositions || this.#switch !== null) return;
    if (this.#hidden.some((columns) => [...columns].some((column) => column >= length))) return;
    const left = this.#sights.map((sight) => sight.leftBehind?.() ?? null);
    const settled = left.filter((one) => one !== null).length;
    // Check again only when another row knows which positions can be dropped.
    if (settled === this.#settled) return;
    this.#settled = settled;
    const columns = leftColumns({
      left,
      places: this.#places,
      seen: this.#seen.map((row) => row.map((one) => (one === SEEN ? 1 : 0))),
    });
    if (columns === null) return;
    this.#cache.keepPositions(columns.map((row) => row.map((column) => Math.max(0, column))));
    const moved = <Row extends Uint8Array | Int32Array>(rows: readonly Row[], nothing: number) =>
      rows.map((row, index) => {
        const next = row.slice(0, columns[index]!.length) as Row;
        for (const [place, column] of columns[index]!.entries())
          next[place] = column < 0 ? nothing : (row[column] as number);
        return next;
      });
    this.#seen = moved(this.#seen, NOTHING);
    this.#places = moved(this.#places, -1);
    this.#hidden = this.#hidden.map(() => new Set());
    this.#padded = true;
  }

  /** Whether each of the row's last `count` positions is visible. */
  #endsSeen(row: number, count: number, length: number): boolean {
    return (
      count <= length && (this.#seen[row] as Uint8Array).subarray(length - count, length).every((seen) => seen === SEEN)
    );
  }
}

/** The last position: `[batch, time, width]` to `[batch, 1, width]`. */
export function lastPosition(hidden: tf.Tensor3D): tf.Tensor3D {
  return lastPositions({ states: hidden, count: 1 });
}
