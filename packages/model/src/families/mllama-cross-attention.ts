import type { NumberArray } from '@subtext/encoders';
import {
  GatedFeedForward,
  HeadNorm,
  LinearLayer,
  RmsNormLayer,
  SeparateProjections,
  type CachedKeysAndValues,
  type KeyValueCache,
  type LayerCache,
  type ParameterHandle,
  type ParameterScope,
} from '@subtext/nn';
import { attention, attentionWeights, tf } from '@subtext/tensor';

import type { RotaryDecoderSettings } from './rotary-decoder';

/** Keys and values of images in one cross-attention layer. */
export interface PictureKeys {
  /** `[batch, keys, keyValueHeads·headWidth]` */ key: tf.Tensor3D;
  /** `[batch, keys, keyValueHeads·headWidth]` */ value: tf.Tensor3D;
}

/** Cross-attention mask of one pass. */
export interface CrossMask {
  /** int32 `[batch, time, keys]`; null if all are visible */
  keys: tf.Tensor3D | null;
  /** `[batch, time, 1]`, 0 where a position sees no image; null if all see one */
  rows: tf.Tensor3D | null;
}

/**
 * A cross-attention layer of Mllama: `h = x + tanh(g₁) · crossAttention(norm(x))`,
 * `h + tanh(g₂) · seen · feedForward(norm(h))`, with an RMS norm per query and key head.
 */
export class MllamaCrossAttentionBlock {
  readonly #norm: RmsNormLayer;
  readonly #projection: SeparateProjections;
  readonly #output: LinearLayer;
  readonly #attentionGate: ParameterHandle;
  readonly #feedForwardNorm: RmsNormLayer;
  readonly #feedForward: GatedFeedForward;
  readonly #feedForwardGate: ParameterHandle;
  readonly #heads: number;
  readonly #keyValueHeads: number;

  constructor({ scope, settings }: { scope: ParameterScope; settings: RotaryDecoderSettings }) {
    const { width, innerWidth, heads, keyValueHeads, headWidth, epsilon } = settings;
    const initialisation = { kind: 'normal', deviation: settings.initializerRange } as const;
    const linear = (name: string, inputWidth: number, outputWidth: number) =>
      new LinearLayer({ scope: scope.child(name), inputWidth, outputWidth, bias: false, initialisation });
    this.#norm = new RmsNormLayer({ scope: scope.child('input_layernorm'), width, epsilon });
    this.#projection = new SeparateProjections({
      query: linear('cross_attn.q_proj', width, heads * headWidth),
      key: linear('cross_attn.k_proj', width, keyValueHeads * headWidth),
      value: linear('cross_attn.v_proj', width, keyValueHeads * headWidth),
      queryNorm: new HeadNorm({ scope: scope.child('cross_attn.q_norm'), width: headWidth, epsilon }),
      keyNorm: new HeadNorm({ scope: scope.child('cross_attn.k_norm'), width: headWidth, epsilon }),
    });
    this.#output = linear('cross_attn.o_proj', heads * headWidth, width);
    this.#attentionGate = scope.declare({
      name: 'cross_attn_attn_gate',
      shape: [1],
      initialisation: { kind: 'zeros' },
    });
    this.#feedForwardNorm = new RmsNormLayer({ scope: scope.child('post_attention_layernorm'), width, epsilon });
    this.#feedForward = new GatedFeedForward({
      gate: linear('mlp.gate_proj', width, innerWidth),
      up: linear('mlp.up_proj', width, innerWidth),
      down: linear('mlp.down_proj', innerWidth, width),
      activation: settings.activation,
    });
    this.#feedForwardGate = scope.declare({
      name: 'cross_attn_mlp_gate',
      shape: [1],
      initialisation: { kind: 'zeros' },
    });
    this.#heads = heads;
    this.#keyValueHeads = keyValueHeads;
  }

  /** Projects image states `[batch, keys, width]` to this layer's keys and values; computed once per image. */
  projectPictures(states: tf.Tensor3D): PictureKeys {
    return this.#projection.projectKeyValue({ input: states });
  }

  apply({
    input,
    pictures: { key, value },
    mask,
    onWeights,
  }: {
    input: tf.Tensor3D;
    pictures: PictureKeys;
    mask: CrossMask;
    /** Called with the attention weights, `[batch, heads, time, keys]`. @default not computed */
    onWeights?: (weights: tf.Tensor4D) => void;
  }): tf.Tensor3D {
    const query = this.#projection.projectQuery({ input: this.#norm.apply({ input }) });
    const looking = { query, key, heads: this.#heads, keyValueHeads: this.#keyValueHeads, mask: mask.keys };
    onWeights?.(attentionWeights(looking));
    const attended = attention({ ...looking, value });
    const hidden = tf.add(
      input,
      tf.mul(tf.tanh(this.#attentionGate.value), this.#output.apply({ input: attended })),
    ) as tf.Tensor3D;
    const expanded = this.#feedForward.apply({ input: this.#feedForwardNorm.apply({ input: hidden }) });
    const masked = mask.rows === null ? expanded : tf.mul(mask.rows, expanded);
    return tf.add(hidden, tf.mul(tf.tanh(this.#feedForwardGate.value), masked)) as tf.Tensor3D;
  }
}

/** Number of positions before and in this pass, and of image keys. */
interface MaskPlace {
  batch: number;
  offset: number;
  time: number;
  keys: number;
  /** `[batch · time]`: 0 where a position may not see images; null if all may. */
  sighted: Uint8Array | null;
}

/**
 * Slices the mask of one pass from the whole mask `[batch, time, images, tiles]`. A position that sees no tile attends
 * to all of them and its feed-forward output is dropped, as in transformers (its attention would otherwise have no
 * keys). A position that may not see images because of the visibility mask skips the layer.
 */
export function crossMask(
  mask: NumberArray<Int32Array> | null,
  { batch, offset, time, keys, sighted }: MaskPlace,
): CrossMask {
  if (mask === null && sighted === null) return { keys: null, rows: null };
  const [, maskTime, images, tiles] = (mask?.shape ?? [batch, 1, 1, 1]) as [number, number, number, number];
  const data = mask?.data ?? new Int32Array(batch).fill(1);
  const count = images * tiles;
  const tokens = keys / count;
  const values = new Int32Array(batch * time * keys);
  const rows = new Float32Array(batch * time);
  let allSeen = true;
  for (let row = 0; row < batch; row += 1) {
    for (let index = 0; index < time; index += 1) {
      const at = row * time + index;
      if (sighted !== null && sighted[at] === 0) {
        allSeen = false;
        continue;
      }
      const from = (row * maskTime + Math.min(offset + index, maskTime - 1)) * count;
      const seen = data.subarray(from, from + count);
      const some = seen.some((value) => value !== 0);
      rows[at] = some ? 1 : 0;
      if (!some || seen.includes(0)) allSeen = false;
      for (let tile = 0; tile < count; tile += 1)
        if (!some || seen[tile] !== 0) values.fill(1, at * keys + tile * tokens, at * keys + (tile + 1) * tokens);
    }
  }
  if (allSeen) return { keys: null, rows: null };
  return {
    keys: tf.tensor3d(values, [batch, time, keys], 'int32'),
    rows: rows.includes(0) ? tf.tensor3d(rows, [batch, time, 1]) : null,
  };
}

/** Cached images: keys and values of every cross-attention layer, and the cross-attention mask. */
export interface CachedPictures {
  layers: PictureKeys[];
  mask: NumberArray<Int32Array> | null;
}

/** A KV cache of the text, plus the image keys and values computed in the first pass. */
export class MllamaCache implements KeyValueCache {
  pictures: CachedPictures | null = null;
  readonly #words: KeyValueCache;
  /** Index among the self-attention layers, by layer. */
  readonly #places: ReadonlyMap<number, number>;
  /** Whether the image tensors outlive the scope in which they are created. */
  readonly #keeps: boolean;

  constructor({ words, places, keeps }: { words: KeyValueCache; places: ReadonlyMap<number, number>; keeps: boolean }) {
    this.#words = words;
    this.#places = places;
    this.#keeps = keeps;
  }

  get length(): number {
    return this.#words.length;
  }

  layer(index: number): LayerCache {
    const place = this.#places.get(index);
    if (place === undefined) return { append: (own): CachedKeysAndValues => own };
    return this.#words.layer(place);
  }

  /** Takes ownership of the images of the first pass. */
  hold(pictures: CachedPictures): void {
    this.pictures = pictures;
    if (this.#keeps) for (const { key, value } of pictures.layers) [key, value].forEach((tensor) => tf.keep(tensor));
  }

  advance(count: number): void {
    this.#words.advance(count);
  }

  selectRows(rows: readonly number[]): void {
    this.#words.selectRows(rows);
    if (this.pictures === null) return;
    const { layers, mask } = this.pictures;
    const indices = tf.tensor1d([...rows], 'int32');
    const selected = layers.map(({ key, value }) => ({
      key: tf.gather(key, indices),
      value: tf.gather(value, indices),
    }));
    indices.dispose();
    if (this.#keeps) this.#disposePictures();
    let kept = mask;
    if (mask !== null) {
      const size = mask.data.length / mask.shape[0]!;
      const data = new Int32Array(rows.length * size);
      for (const [index, row] of rows.entries())
        data.set(mask.data.subarray(row * size, (row + 1) * size), index * size);
      kept = { data, shape: [rows.length, ...mask.shape.slice(1)] };
    }
    this.hold({ layers: selected, mask: kept });
  }

  dispose(): void {
    this.#words.dispose();
    this.#disposePictures();
    this.pictures = null;
  }

  #disposePictures(): void {
    for (const { key, value } of this.pictures?.layers ?? []) tf.dispose([key, value]);
  }
}
