import type { MllamaVisionEncoder, NumberArray } from '@subtext/encoders';
import {
  GrowingCache,
  lastPositions,
  PreallocatedCache,
  type EmbeddingLayer,
  type KeyValueCache,
  type LinearLayer,
  type ModelStructure,
  type Normalisation,
  type RawConfig,
  type RotaryEmbedding,
  type TransformerBlock,
} from '@subtext/nn';
import { tf, type Parameters } from '@subtext/tensor';

import type { CrossAttentionInput, ForwardOptions, ForwardResult, ModelDimensions } from '../language-model';
import { ModelError } from '../model-error';
import {
  embedWords,
  explainImages,
  type EmbeddedInputs,
  type IdRows,
  type ImageInputs,
  type MultimodalModel,
} from '../multimodal-model';
import { resolvePositions } from '../positions';
import { seenKeys } from '../seen-keys';
import { crossMask, MllamaCache, type CachedPictures, type MllamaCrossAttentionBlock } from './mllama-cross-attention';
import { pictureMask } from './mllama-picture-mask';

/** A text layer: self-attention, or cross-attention to images. */
export type MllamaLayer =
  { kind: 'self-attention'; block: TransformerBlock } | { kind: 'cross-attention'; block: MllamaCrossAttentionBlock };

export interface MllamaModelOptions {
  config: RawConfig;
  structure: ModelStructure;
  vision: MllamaVisionEncoder;
  /** From the vision encoder's output to the text model's width. */
  projector: LinearLayer;
  tokenEmbedding: EmbeddingLayer;
  rotary: RotaryEmbedding;
  layers: readonly MllamaLayer[];
  finalNorm: Normalisation;
  head: LinearLayer;
  imageTokenId: number;
  maxPositions: number;
  /** Number of key and value heads per layer. */
  keyValueHeads: number;
  keyValueWidth: number;
}

/**
 * Mllama, the architecture of Llama 3.2 Vision (arXiv 2407.21783, section 7): a Llama with gated cross-attention layers
 * for images. Images are not part of the token sequence; an image token marks where an image becomes visible.
 */
export class MllamaModel implements MultimodalModel {
  readonly modelType = 'mllama';
  readonly takesVisibility = true;
  /** One image token per image. */
  readonly imageTokens = 1;
  readonly config: RawConfig;
  readonly structure: ModelStructure;
  readonly vision: MllamaVisionEncoder;
  readonly projector: LinearLayer;
  readonly tokenEmbedding: EmbeddingLayer;
  readonly head: LinearLayer;
  readonly imageTokenId: number;
  readonly rotary: readonly RotaryEmbedding[];
  readonly #rotary: RotaryEmbedding;
  readonly #layers: readonly MllamaLayer[];
  readonly finalNorm: Normalisation;
  readonly cachedLayers: readonly number[];
  readonly #maxPositions: number;
  readonly #keyValueHeads: number;
  readonly #keyValueWidth: number;
  /** Index among the self-attention layers, by layer. */
  readonly #places: ReadonlyMap<number, number>;

  constructor(options: MllamaModelOptions) {
    this.config = options.config;
    this.structure = options.structure;
    this.vision = options.vision;
    this.projector = options.projector;
    this.tokenEmbedding = options.tokenEmbedding;
    this.head = options.head;
    this.imageTokenId = options.imageTokenId;
    this.#rotary = options.rotary;
    this.rotary = options.layers.map(() => options.rotary);
    this.#layers = options.layers;
    this.finalNorm = options.finalNorm;
    this.#maxPositions = options.maxPositions;
    this.#keyValueHeads = options.keyValueHeads;
    this.#keyValueWidth = options.keyValueWidth;
    const words = options.layers.flatMap(({ kind }, index) => (kind === 'self-attention' ? [index] : []));
    this.cachedLayers = words;
    this.#places = new Map(words.map((layer, place) => [layer, place]));
  }

  /** The embedding has eight more rows than there are logits; the first is the image token. */
  get dimensions(): ModelDimensions {
    return {
      width: this.tokenEmbedding.width,
      layers: this.#layers.length,
      keyValueHeads: this.#keyValueHeads,
      vocabularySize: this.head.outputWidth,
      maxPositions: this.#maxPositions,
    };
  }

  get parameters(): Parameters {
    return this.structure.parameters;
  }

  embed(ids: tf.Tensor2D): tf.Tensor3D {
    return this.tokenEmbedding.lookup({ ids }) as tf.Tensor3D;
  }

  /** `[samples · images · tiles, tokens, width]`. */
  encodeImages({ pixelValues, aspectRatioIds, aspectRatioMask }: ImageInputs): tf.Tensor3D {
    if (aspectRatioIds === undefined || aspectRatioMask === undefined) {
      throw new ModelError({
        code: 'invalid-images',
        message:
          'mllama needs aspectRatioIds and aspectRatioMask besides pixelValues; the image processor of its folder returns them.',
      });
    }
    const features = explainImages(this.modelType, () =>
      this.vision.encode({ pixelValues, aspectRatioIds, aspectRatioMask }),
    );
    return this.projector.apply({ input: features });
  }

  embedInputs({
    ids,
    images,
    crossAttentionMask,
  }: {
    ids: IdRows;
    images?: ImageInputs | tf.Tensor3D | null;
    crossAttentionMask?: NumberArray<Int32Array> | null;
  }): EmbeddedInputs {
    const { values, batch, time, words: embeddings } = embedWords({ model: this, ids });
    const marks = Array.from({ length: batch }, (_, row) =>
      [...values.subarray(row * time, (row + 1) * time).entries()].flatMap(([position, id]) =>
        id === this.imageTokenId ? [position] : [],
      ),
    );
    if (images === null || images === undefined) {
      if (marks.some((row) => row.length > 0)) {
        throw new ModelError({
          code: 'images-do-not-match',
          message: `The prompt has image tokens (id ${this.imageTokenId}) but no image. Pass \`images\`, or remove the tokens.`,
        });
      }
      return { embeddings, forwardExtras: {} };
    }
    const features = images instanceof tf.Tensor ? images : this.encodeImages(images);
    const [tiles, tokens, width] = features.shape;
    if (tiles % batch !== 0) {
      throw new ModelError({
        code: 'images-do-not-match',
        message: `The images have ${tiles} tiles, which cannot be divided evenly among ${batch} prompts. Pad each sample to the same number of images.`,
      });
    }
    const states = tf.reshape(features, [batch, (tiles / batch) * tokens, width]) as tf.Tensor3D;
    const mask =
      crossAttentionMask === undefined
        ? pictureMask({
            marks,
            images,
            time,
            tiles: tiles / batch,
            maximumTiles: this.vision.settings.maximumTiles,
            imageTokenId: this.imageTokenId,
          })
        : crossAttentionMask;
    return { embeddings, forwardExtras: { crossAttention: { states, mask } } };
  }

  /** Without an image, `hiddenStates` omits the cross-attention layers, as transformers does. */
  forward({
    embeddings,
    mask = null,
    positions = null,
    largestPosition,
    cache = null,
    outputHiddenStates = false,
    outputAttentions = false,
    outputPositions = embeddings.shape[1],
    crossAttention = null,
    visibility = null,
  }: ForwardOptions): ForwardResult {
    const [batch, time] = embeddings.shape;
    const offset = cache?.length ?? 0;
    const place = resolvePositions({ time, offset, mask, positions, largestPosition, outputPositions });
    const rotary = this.#rotary.angles(
      place.positions === null ? { offset, time } : { positions: place.positions, largest: place.largest },
    );
    const pictures = this.#pictures({ cache, crossAttention, batch });
    const seen =
      pictures === null
        ? null
        : crossMask(pictures.mask, {
            batch,
            offset,
            time,
            keys: pictures.layers[0]?.key.shape[1] ?? 0,
            sighted: visibility?.pictures ?? null,
          });
    const words = seenKeys({ mask, visibility });
    let hidden = embeddings;
    let crossLayer = 0;
    const hiddenStates = outputHiddenStates ? [hidden] : null;
    const attentions: tf.Tensor4D[] = [];
    const pictureAttentions: tf.Tensor4D[] = [];
    for (const [index, { kind, block }] of this.#layers.entries()) {
      const wanted =
        !outputHiddenStates && !outputAttentions && index === this.#layers.length - 1 ? { outputPositions } : {};
      if (kind === 'self-attention')
        hidden = block.apply({
          input: hidden,
          rotary,
          causal: true,
          mask: words,
          cache: cache?.layer(index) ?? null,
          ...(outputAttentions && { onWeights: (weights: tf.Tensor4D) => void attentions.push(weights) }),
          ...wanted,
        });
      else if (pictures === null || seen === null) continue;
      else
        hidden = block.apply({
          input: hidden,
          pictures: pictures.layers[crossLayer++]!,
          mask: seen,
          ...(outputAttentions && { onWeights: (weights: tf.Tensor4D) => void pictureAttentions.push(weights) }),
        });
      hiddenStates?.push(hidden);
    }
    cache?.advance(time);
    hidden = this.finalNorm.apply({ input: hidden });
    if (hiddenStates !== null) hiddenStates[hiddenStates.length - 1] = hidden;
    return {
      hidden: lastPositions({ states: hidden, count: outputPositions }),
      hiddenStates,
      ...(outputAttentions && { attentions }),
      ...(pictureAttentions.length > 0 && { pictureAttentions }),
    };
  }

  logits<Shape extends tf.Tensor>(hidden: Shape): Shape {
    return this.head.apply({ input: hidden });
  }

  newCache({ batch, capacity }: { batch: number; capacity: number }): KeyValueCache {
    const words = new PreallocatedCache({ layers: this.#places.size, batch, capacity, width: this.#keyValueWidth });
    return new MllamaCache({ words, places: this.#places, keeps: true });
  }

  newGrowingCache(): KeyValueCache {
    return new MllamaCache({
      words: new GrowingCache({ layers: this.#places.size }),
      places: this.#places,
      keeps: false,
    });
  }

  dispose(): void {
    this.parameters.dispose();
    this.#rotary.dispose();
  }

  /** The images of this pass: the cached ones, or the given ones, which are then cached. */
  #pictures({
    cache,
    crossAttention,
    batch,
  }: {
    cache: KeyValueCache | null;
    crossAttention: CrossAttentionInput | null;
    batch: number;
  }): CachedPictures | null {
    const own = pictureCache(cache);
    if (own?.pictures) return own.pictures;
    if (crossAttention === null) return null;
    const { states, mask = null } = crossAttention;
    if (states.shape[0] !== batch) {
      throw new ModelError({
        code: 'images-do-not-match',
        message: `There are images for ${states.shape[0]} prompts but embeddings for ${batch}.`,
      });
    }
    if (mask !== null) {
      const [rows, , images = 0, tiles = 0] = mask.shape;
      if (
        mask.shape.length !== 4 ||
        rows !== batch ||
        images * tiles === 0 ||
        states.shape[1] % (images * tiles) !== 0
      ) {
        throw new ModelError({
          code: 'invalid-images',
          message: `The cross-attention mask must be [${batch}, time, images, tiles] with tiles that divide ${states.shape[1]} vectors; it is [${mask.shape.join(', ')}].`,
        });
      }
    }
    const pictures = {
      layers: this.#layers.flatMap(({ kind, block }) =>
        kind === 'cross-attention' ? [block.projectPictures(states)] : [],
      ),
      mask,
    };
    own?.hold(pictures);
    return pictures;
  }
}

/** The image cache, possibly wrapped by another cache. */
function pictureCache(cache: KeyValueCache | null): MllamaCache | null {
  let at: KeyValueCache | undefined = cache ?? undefined;
  while (at !== undefined && !(at instanceof MllamaCache)) at = at.inner;
  return at ?? null;
}
