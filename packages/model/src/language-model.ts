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

/** What one pass through a model takes. */
export interface ForwardOptions {
  /** The inputs as vectors: `[batch, time, width]`, from `embed`, from images, or earlier hidden states. */
  embeddings: tf.Tensor3D;
  /**
   * int32, 1 where a key may be seen: `[batch, keyTime]`, or `[batch, time, keyTime]`, with the cached positions first.
   * Positions see only themselves and those before them in any case. Default: all may be seen.
   */
  mask?: tf.Tensor | null;
  /**
   * int32 `[batch, time]`. Default: counted from the first position that a `[batch, keyTime]` mask shows, so that left
   * padding counts for nothing; without a mask, counted from the cache's length.
   */
  positions?: tf.Tensor2D | null;
  /** The largest of `positions`; saves reading them back from the engine. */
  largestPosition?: number;
  /** Keys and values of earlier positions; this pass's are added. Default none. */
  cache?: KeyValueCache | null;
  /** Whether to give every layer's output. Default false. */
  outputHiddenStates?: boolean;
  /** Whether to give every layer's attention weights. All positions are computed, and no kernel that takes a layer whole. Default false. */
  outputAttentions?: boolean;
  /**
   * How many of the last positions `hidden` is wanted for. The others are computed as far as later positions look at
   * them, which in the last layer is its keys and values alone. With `outputHiddenStates` nothing is saved. Default all.
   */
  outputPositions?: number;
  /** What the cross-attention layers of Mllama look at, from `embedInputs`. With a cache, the first pass's stays. Default none. */
  crossAttention?: CrossAttentionInput | null;
  /** Which keys each position may look at for what it is, besides what `mask` and the order allow. Default all. */
  visibility?: PassVisibility | null;
}

/** What the positions of a pass may look at: a mask that leaves positions where they are. */
export interface PassVisibility {
  /** int32 `[batch, time, keyTime]`, cached positions first: 1 where a position may look at a key. */
  keys: tf.Tensor3D;
  /** Whether `keys` hides all that `mask` hides, so that the two need not be put together. Default false. */
  complete?: boolean;
  /** `[batch · time]`: 0 where a position is blind to pictures that stand beside the sequence (Mllama). Default none is. */
  pictures?: Uint8Array | null;
}

/** Pictures for cross-attention layers. */
export interface CrossAttentionInput {
  /** Vectors of all pictures' tiles: `[batch, keys, width]`. */
  states: tf.Tensor3D;
  /**
   * 1 where a position sees a tile: `[batch, time, images, tiles]`, cached positions first. Positions beyond its end
   * see what the last one sees. Default: every position sees every tile.
   */
  mask?: NumberArray<Int32Array> | null;
}

/** What one pass gives. The tensors belong to the caller's scope. */
export interface ForwardResult {
  /** The last layer's output after the final norm: `[batch, outputPositions, width]`. */
  hidden: tf.Tensor3D;
  /**
   * As transformers counts them: 0 is what enters the first layer (with GPT-2's positions added), then each layer's
   * output, the last one after the final norm: `layers + 1` tensors. Null unless asked for.
   */
  hiddenStates: tf.Tensor3D[] | null;
  /**
   * By layer, how much each position looks at each key, cached keys first: `[batch, heads, time, keyTime]`. Of Mllama by
   * layer over words. Absent unless asked for.
   */
  attentions?: tf.Tensor4D[];
  /**
   * By layer over pictures (Mllama), how much each position looks at each vector of its pictures, tile after tile:
   * `[batch, heads, time, pictureKeys]`; zeros for a position that sees none. Absent without pictures, and unless
   * `attentions` are asked for.
   */
  pictureAttentions?: tf.Tensor4D[];
}

/** The sizes of a model. */
export interface ModelDimensions {
  /** Width of embeddings and hidden states. */
  width: number;
  layers: number;
  /** Heads of a layer's keys and values; each serves as many query heads as any other. Absent in a model that keeps no cache. */
  keyValueHeads?: number;
  /** Rows of the token embedding, which is also the width of the logits. */
  vocabularySize: number;
  /** Positions that the model was made for; a hard limit with learned positions. */
  maxPositions: number;
}

/**
 * A causal language model: embeddings in, hidden states out. Nothing in it looks at ids but `embed`, so that a hidden
 * state can be the next input (continuous thoughts) and images can stand among words.
 *
 * `forward` and `logits` free nothing: call them inside `tf.tidy`, or inside the function that is differentiated.
 */
export interface LanguageModel {
  /** Hugging Face's `model_type`. */
  readonly modelType: string;
  /** Whether `forward` heeds `visibility`. A family that does not say so is refused where a table of who sees whom is in force. */
  readonly takesVisibility?: boolean;
  /** The folder's config.json, as Hugging Face writes it. */
  readonly config: RawConfig;
  readonly dimensions: ModelDimensions;
  /** The folder's generation_config.json, kept for saving; null or absent where there is none. */
  generationConfig?: RawConfig | null;
  /** The table behind `embed`. */
  readonly tokenEmbedding: EmbeddingLayer;
  /** The layer behind `logits`. */
  readonly head: LinearLayer;
  /** What the last layer's output goes through before `head`: with it, any layer's states can be read as logits. */
  readonly finalNorm: Normalisation;
  /**
   * The rotation that each layer's keys carry in a cache; null where they carry none: positions that are learned and
   * added to the input (GPT-2), layers without positions (SmolLM3).
   */
  readonly rotary: readonly (RotaryEmbedding | null)[];
  /** The layers whose keys and values a cache holds, in order. Default: all; Mllama's layers over pictures are none of them. */
  readonly cachedLayers?: readonly number[];
  /** The model's parameters by their names in the checkpoint, and those of adapters (`….lora_A.weight`). */
  readonly parameters: Parameters;
  /** The declared parameters and the linear layers by name. */
  readonly structure: ModelStructure;
  /** int32 ids `[batch, time]` to `[batch, time, width]`. */
  embed(ids: tf.Tensor2D): tf.Tensor3D;
  forward(options: ForwardOptions): ForwardResult;
  /** Hidden states after the final norm, `[..., width]`, to logits `[..., vocabulary]`. */
  logits<Shape extends tf.Tensor>(hidden: Shape): Shape;
  /** A cache for generation: fixed room, written in place, without gradients. Free it with `dispose`. */
  newCache(options: { batch: number; /** positions */ capacity: number }): KeyValueCache;
  /** A cache through which gradients pass, for training with continuous thoughts. It lives in the caller's scope. */
  newGrowingCache(): KeyValueCache;
  /** Frees the parameters and tables. */
  dispose(): void;
}
