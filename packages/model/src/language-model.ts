import type { NumberArray } from '@subtext/encoders';
import type {
  EmbeddingLayer,
  KeyValueCache,
  LinearLayer,
  ModelStructure,
  Normalisation,
  RawConfig,
  RotaryEmbedding,
} from '@subtext/nn';
import type { Parameters, tf } from '@subtext/tensor';

/** Inputs of one forward pass. */
export interface ForwardOptions {
  /** Input embeddings: `[batch, time, width]`, from `embed`, from images, or earlier hidden states. */
  embeddings: tf.Tensor3D;
  /**
   * Attention mask, int32, 1 where a key is visible: `[batch, keyTime]`, or `[batch, time, keyTime]`, cached positions
   * first. Attention is causal in any case. Default: all visible.
   */
  mask?: tf.Tensor | null;
  /**
   * Position ids, int32 `[batch, time]`. Default: counted from the first visible position of a `[batch, keyTime]` mask,
   * so that left padding does not count; without a mask, from the cache's length.
   */
  positions?: tf.Tensor2D | null;
  /** The largest of `positions`; avoids reading them back from the engine. */
  largestPosition?: number;
  /** KV cache of earlier positions; this pass is appended. Default none. */
  cache?: KeyValueCache | null;
  /** Whether to return every layer's output. Default false. */
  outputHiddenStates?: boolean;
  /**
   * Whether to return every layer's attention weights. All positions are then computed, without fused block kernels.
   * Default false.
   */
  outputAttentions?: boolean;
  /**
   * Number of last positions to return in `hidden`. For the others the last layer computes only keys and values. With
   * `outputHiddenStates` nothing is saved. Default all.
   */
  outputPositions?: number;
  /**
   * Input of Mllama's cross-attention layers, from `embedInputs`. With a cache, that of the first pass is kept. Default
   * none.
   */
  crossAttention?: CrossAttentionInput | null;
  /** Visibility mask: which keys each position may attend to, in addition to `mask` and causality. Default all. */
  visibility?: PassVisibility | null;
}

/** A visibility mask for one pass; unlike padding, masked positions keep their position ids. */
export interface PassVisibility {
  /** int32 `[batch, time, keyTime]`, cached positions first: 1 where a position may attend to a key. */
  keys: tf.Tensor3D;
  /** Whether `keys` already includes `mask`, so that the two need not be combined. Default false. */
  complete?: boolean;
  /** `[batch · time]`: 0 where a position may not attend to images outside the sequence (Mllama). Default: all may. */
  pictures?: Uint8Array | null;
}

/** Images for cross-attention layers. */
export interface CrossAttentionInput {
  /** Vectors of all image tiles: `[batch, keys, width]`. */
  states: tf.Tensor3D;
  /**
   * 1 where a position sees a tile: `[batch, time, images, tiles]`, cached positions first. Positions beyond its end
   * see the same as the last one. Default: all tiles visible.
   */
  mask?: NumberArray<Int32Array> | null;
}

/** Result of a forward pass. The tensors belong to the caller's scope. */
export interface ForwardResult {
  /** The last layer's output after the final norm: `[batch, outputPositions, width]`. */
  hidden: tf.Tensor3D;
  /**
   * Numbered as in transformers: 0 is the input of the first layer (with GPT-2's positions added), then each layer's
   * output, the last after the final norm: `layers + 1` tensors. Null unless requested.
   */
  hiddenStates: tf.Tensor3D[] | null;
  /**
   * Attention weights by layer, cached keys first: `[batch, heads, time, keyTime]`. For Mllama, of the self-attention
   * layers. Absent unless requested.
   */
  attentions?: tf.Tensor4D[];
  /**
   * Attention weights of the cross-attention layers (Mllama) on each image vector, tile by tile:
   * `[batch, heads, time, pictureKeys]`; zeros for a position that sees no image. Absent without images and unless
   * `attentions` are requested.
   */
  pictureAttentions?: tf.Tensor4D[];
}

/** Model dimensions. */
export interface ModelDimensions {
  /** Width of embeddings and hidden states. */
  width: number;
  layers: number;
  /** Number of key and value heads per layer. Absent in a model without a KV cache. */
  keyValueHeads?: number;
  /** Vocabulary size: rows of the token embedding and width of the logits. */
  vocabularySize: number;
  /** Maximum sequence length; a hard limit with learned positions. */
  maxPositions: number;
}

/**
 * A causal language model: embeddings in, hidden states out. Only `embed` takes ids, so that a hidden state can be the
 * next input (continuous thoughts) and images can be inserted among text embeddings.
 *
 * `forward` and `logits` do not dispose intermediate tensors: call them inside `tf.tidy`, or inside the function that
 * is differentiated.
 */
export interface LanguageModel {
  /** Hugging Face's `model_type`. */
  readonly modelType: string;
  /**
   * Whether `forward` supports `visibility`. If not set, the model is rejected where a visibility table is in force.
   */
  readonly takesVisibility?: boolean;
  /** The folder's config.json. */
  readonly config: RawConfig;
  readonly dimensions: ModelDimensions;
  /** The folder's generation_config.json, kept for saving; null or absent if there is none. */
  generationConfig?: RawConfig | null;
  /** The token embedding used by `embed`. */
  readonly tokenEmbedding: EmbeddingLayer;
  /** The output layer used by `logits`. */
  readonly head: LinearLayer;
  /** The norm before `head`; with it, any layer's states can be converted to logits (logit lens). */
  readonly finalNorm: Normalisation;
  /**
   * Rotary embedding of each layer's cached keys; null for layers without: learned positions added to the input
   * (GPT-2), layers without positions (SmolLM3).
   */
  readonly rotary: readonly (RotaryEmbedding | null)[];
  /**
   * Indices of the layers in the KV cache, in order. Default: all; Mllama's cross-attention layers are not included.
   */
  readonly cachedLayers?: readonly number[];
  /** Parameters by checkpoint name, including those of adapters (`….lora_A.weight`). */
  readonly parameters: Parameters;
  /** Declared parameters, and linear layers by name. */
  readonly structure: ModelStructure;
  /** Embeds int32 ids: `[batch, time]` to `[batch, time, width]`. */
  embed(ids: tf.Tensor2D): tf.Tensor3D;
  forward(options: ForwardOptions): ForwardResult;
  /** Converts hidden states after the final norm, `[..., width]`, to logits `[..., vocabulary]`. */
  logits<Shape extends tf.Tensor>(hidden: Shape): Shape;
  /** A KV cache for generation: fixed capacity, written in place, no gradients. Free it with `dispose`. */
  newCache(options: { batch: number; /** positions */ capacity: number }): KeyValueCache;
  /** A KV cache that lets gradients flow, for training with continuous thoughts. Belongs to the caller's scope. */
  newGrowingCache(): KeyValueCache;
  /** Frees the parameters and cached tables. */
  dispose(): void;
}
