import {
  PlainFeedForward,
  LinearLayer,
  LayerNormLayer,
  runBlocks,
  SelfAttention,
  SeparateProjections,
  TransformerBlock,
  type Initialisation,
  type ParameterHandle,
  type ParameterScope,
} from '@subtext/nn';
import { embedding, linear, tf } from '@subtext/tensor';

import type { NumberArray } from '../image-processing/numbers';
import { AttentionPooling } from './attention-pooling';
import type { PatchEncoderSettings } from './patch-encoder-settings';
import { patchPositions } from './patch-positions';
import { splitIntoPatches, PixelValuesError, type Patches, type PixelValues } from './pixel-values';
import type { EncodeOptions, EncodeResult, VisionDimensions, VisionEncoder } from './vision-encoder';

/** One layer of a vision transformer under `scope` (`encoder.layers.N`): pre-norm, every linear layer with a bias. */
function visionBlock(
  scope: ParameterScope,
  settings: PatchEncoderSettings,
  initialisation: Initialisation,
): TransformerBlock {
  const { width, innerWidth, heads, epsilon, activation } = settings;
  const layer = (name: string, inputWidth: number, outputWidth: number) =>
    new LinearLayer({ scope: scope.child(name), inputWidth, outputWidth, initialisation });
  return new TransformerBlock({
    attentionNorm: new LayerNormLayer({ scope: scope.child('layer_norm1'), width, epsilon }),
    attention: new SelfAttention({
      projection: new SeparateProjections({
        query: layer('self_attn.q_proj', width, width),
        key: layer('self_attn.k_proj', width, width),
        value: layer('self_attn.v_proj', width, width),
      }),
      output: layer('self_attn.out_proj', width, width),
      heads,
    }),
    feedForwardNorm: new LayerNormLayer({ scope: scope.child('layer_norm2'), width, epsilon }),
    feedForward: new PlainFeedForward({
      up: layer('mlp.fc1', width, innerWidth),
      down: layer('mlp.fc2', innerWidth, width),
      activation,
    }),
  });
}

/**
 * Vision transformer of CLIP, SigLIP and Idefics3 (arXiv 2103.00020, 2303.15343, 2408.12637): patch embeddings, learned
 * positions, and pre-norm layers with full attention.
 */
export class PatchVisionEncoder implements VisionEncoder {
  readonly modelType: string;
  readonly dimensions: VisionDimensions;
  readonly #settings: PatchEncoderSettings;
  readonly #classEmbedding: ParameterHandle | null;
  readonly #patchWeight: ParameterHandle;
  readonly #patchBias: ParameterHandle | null;
  readonly #positions: ParameterHandle;
  readonly #inputNorm: LayerNormLayer | null;
  readonly #blocks: TransformerBlock[];
  readonly #outputNorm: LayerNormLayer;
  readonly #pooling: AttentionPooling | null;

  constructor({ scope, settings }: { scope: ParameterScope; settings: PatchEncoderSettings }) {
    const { width, channels, patchSize, imageSize, epsilon, classToken, initializerRange } = settings;
    const side = Math.floor(imageSize / patchSize);
    const initialisation = { kind: 'normal', deviation: initializerRange } as const;
    const embeddings = scope.child('embeddings');
    this.modelType = settings.modelType;
    this.#settings = settings;
    this.dimensions = {
      width,
      layers: settings.layers,
      heads: settings.heads,
      channels,
      imageSize,
      patchSize,
      patches: side * side,
      classToken,
    };
    this.#classEmbedding = classToken
      ? embeddings.declare({
          name: 'class_embedding',
          shape: [width],
          initialisation: { kind: 'normal', deviation: width ** -0.5 },
        })
      : null;
    this.#patchWeight = embeddings.declare({
      name: 'patch_embedding.weight',
      shape: [width, channels, patchSize, patchSize],
      initialisation,
    });
    this.#patchBias = classToken
      ? null
      : embeddings.declare({ name: 'patch_embedding.bias', shape: [width], initialisation: { kind: 'zeros' } });
    this.#positions = embeddings.declare({
      name: 'position_embedding.weight',
      shape: [side * side + (classToken ? 1 : 0), width],
      initialisation,
    });
    // The name is misspelt in all CLIP checkpoints.
    this.#inputNorm = classToken ? new LayerNormLayer({ scope: scope.child('pre_layrnorm'), width, epsilon }) : null;
    this.#blocks = Array.from({ length: settings.layers }, (_, index) =>
      visionBlock(scope.child('encoder.layers').child(index), settings, initialisation),
    );
    this.#outputNorm = new LayerNormLayer({ scope: scope.child('post_layernorm'), width, epsilon });
    this.#pooling =
      settings.pooling === 'attention'
        ? new AttentionPooling({
            scope: scope.child('head'),
            width,
            innerWidth: settings.innerWidth,
            heads: settings.heads,
            activation: settings.activation,
            epsilon,
            deviation: initializerRange,
          })
        : null;
  }

  encode({ pixelValues, pixelAttentionMask, outputHiddenStates = false }: EncodeOptions): EncodeResult {
    const { normalisesOutput, pooling, width } = this.#settings;
    const { input, mask } = this.#embed(pixelValues, pixelAttentionMask);
    const { hidden, hiddenStates } = runBlocks({ blocks: this.#blocks, input, mask, outputHiddenStates });
    const lastHiddenState = normalisesOutput ? this.#outputNorm.apply({ input: hidden }) : hidden;
    let poolerOutput: tf.Tensor2D | null = null;
    if (this.#pooling !== null) poolerOutput = this.#pooling.apply({ input: lastHiddenState });
    if (pooling === 'class') {
      const first = tf.reshape(tf.slice(hidden, [0, 0, 0], [hidden.shape[0], 1, width]), [
        hidden.shape[0],
        width,
      ]) as tf.Tensor2D;
      poolerOutput = this.#outputNorm.apply({ input: first });
    }
    return { lastHiddenState, hiddenStates, poolerOutput };
  }

  features({
    pixelValues,
    pixelAttentionMask,
    layers,
  }: {
    pixelValues: PixelValues;
    pixelAttentionMask?: NumberArray<Int32Array>;
    layers: readonly number[];
  }): tf.Tensor3D[] {
    const total = this.#blocks.length;
    const indices = layers.map((layer) => (layer < 0 ? total + 1 + layer : layer));
    for (const [position, index] of indices.entries()) {
      if (!Number.isInteger(index) || index < 0 || index > total) {
        throw new PixelValuesError(
          `Layer ${layers[position]} does not exist: this encoder has states 0 to ${total}, or −${total + 1} to −1 from the end.`,
        );
      }
    }
    const { input, mask } = this.#embed(pixelValues, pixelAttentionMask);
    const last = Math.max(...indices);
    const single = indices.every((index) => index === last);
    const { hidden, hiddenStates } = runBlocks({
      blocks: this.#blocks.slice(0, last),
      input,
      mask,
      outputHiddenStates: !single,
    });
    return indices.map((index) => (single ? hidden : hiddenStates![index]!));
  }

  /** Patch embeddings with positions, `[images, tokens, width]`, and their attention mask. */
  #embed(
    pixelValues: PixelValues,
    pixelAttentionMask?: NumberArray<Int32Array>,
  ): { input: tf.Tensor3D; mask: tf.Tensor | null } {
    const { width, channels, patchSize, imageSize, classToken, anySize } = this.#settings;
    const patches = splitIntoPatches({
      pixelValues,
      channels,
      patchSize,
      classToken,
      imageSize: anySize ? undefined : imageSize,
    });
    const weight = tf.reshape(this.#patchWeight.value, [width, channels * patchSize * patchSize]) as tf.Tensor2D;
    const bias = (this.#patchBias?.value as tf.Tensor1D | undefined) ?? null;
    const vectors = linear({ input: patches.rows, weight, bias });
    const { ids, mask } = this.#place(patches, pixelAttentionMask);
    const input = tf.add(vectors, embedding({ table: this.#positionTable(), ids })) as tf.Tensor3D;
    return { input: this.#inputNorm === null ? input : this.#inputNorm.apply({ input }), mask };
  }

  /** The learned positions, with the class token added to the first, whose patch is 0. */
  #positionTable(): tf.Tensor2D {
    const positions = this.#positions.value as tf.Tensor2D;
    if (this.#classEmbedding === null) return positions;
    const { width } = this.#settings;
    const classRow = tf.add(
      tf.slice(positions, [0, 0], [1, width]),
      tf.reshape(this.#classEmbedding.value, [1, width]),
    );
    return tf.concat([classRow, tf.slice(positions, [1, 0], [positions.shape[0] - 1, width])], 0) as tf.Tensor2D;
  }

  /** Position of each token, and a mask if some patches are padding. */
  #place(
    { images, gridHeight, gridWidth, rows }: Patches,
    pixelAttentionMask?: NumberArray<Int32Array>,
  ): { ids: tf.Tensor; mask: tf.Tensor | null } {
    const { imageSize, patchSize, anySize } = this.#settings;
    const tokens = rows.shape[1];
    const side = Math.floor(imageSize / patchSize);
    if (!anySize) {
      const ids = Int32Array.from({ length: images * tokens }, (_, index) => index % tokens);
      return { ids: tf.tensor2d(ids, [images, tokens], 'int32'), mask: null };
    }
    const patchMask =
      pixelAttentionMask === undefined
        ? new Uint8Array(images * tokens).fill(1)
        : this.#patchMask(pixelAttentionMask, { images, gridHeight, gridWidth });
    const ids = patchPositions({ patchMask, images, gridHeight, gridWidth, side });
    const mask = patchMask.includes(0) ? tf.tensor2d(Int32Array.from(patchMask), [images, tokens], 'int32') : null;
    return { ids: tf.tensor2d(ids, [images, tokens], 'int32'), mask };
  }

  /** A patch belongs to the image if any of its pixels does. */
  #patchMask(
    { data, shape }: NumberArray<Int32Array>,
    grid: { images: number; gridHeight: number; gridWidth: number },
  ): Uint8Array {
    const { images, gridHeight, gridWidth } = grid;
    const { patchSize } = this.#settings;
    const [count, height, width] = shape as [number, number, number];
    if (
      shape.length !== 3 ||
      count !== images ||
      Math.floor(height / patchSize) !== gridHeight ||
      Math.floor(width / patchSize) !== gridWidth ||
      data.length !== count * height * width
    ) {
      throw new PixelValuesError(
        `pixelAttentionMask must have the size of the images, ${images} of ${gridHeight} × ${gridWidth} patches; it is [${shape.join(', ')}].`,
      );
    }
    const mask = new Uint8Array(images * gridHeight * gridWidth);
    for (let image = 0; image < images; image += 1) {
      for (let y = 0; y < gridHeight * patchSize; y += 1) {
        const row = (image * gridHeight + Math.floor(y / patchSize)) * gridWidth;
        const from = (image * height + y) * width;
        for (let x = 0; x < gridWidth * patchSize; x += 1)
          if (data[from + x] !== 0) mask[row + Math.floor(x / patchSize)] = 1;
      }
    }
    return mask;
  }
}
