import {
  SeparateProjections,
  PlainFeedForward,
  LinearLayer,
  LayerNormLayer,
  SelfAttention,
  type Initialisation,
  type ParameterHandle,
  type ParameterScope,
} from '@subtext/nn';
import { embedding, linear, tf } from '@subtext/tensor';

import type { NumberArray } from '../image-processing/numbers';
import type { MllamaVisionSettings } from './mllama-vision-settings';
import { splitIntoPatches, PixelValuesError, type PixelValues } from './pixel-values';

/** Tokens of a tile are padded to a multiple of this. */
const tokenMultiple = 8;

/** A pre-norm layer without attention biases; in the global transformer both residual branches are gated by tanh(g). */
class MllamaVisionBlock {
  readonly #attentionNorm: LayerNormLayer;
  readonly #attention: SelfAttention;
  readonly #attentionGate: ParameterHandle | null;
  readonly #feedForwardNorm: LayerNormLayer;
  readonly #feedForward: PlainFeedForward;
  readonly #feedForwardGate: ParameterHandle | null;

  constructor({ scope, settings, gated }: { scope: ParameterScope; settings: MllamaVisionSettings; gated: boolean }) {
    const { width, innerWidth, heads, epsilon, activation } = settings;
    const initialisation: Initialisation = { kind: 'normal', deviation: settings.initializerRange };
    const inside = heads * Math.floor(width / heads);
    const projection = (name: string) =>
      new LinearLayer({
        scope: scope.child(`self_attn.${name}`),
        inputWidth: width,
        outputWidth: inside,
        bias: false,
        initialisation,
      });
    this.#attention = new SelfAttention({
      projection: new SeparateProjections({
        query: projection('q_proj'),
        key: projection('k_proj'),
        value: projection('v_proj'),
      }),
      output: new LinearLayer({
        scope: scope.child('self_attn.o_proj'),
        inputWidth: inside,
        outputWidth: width,
        bias: false,
        initialisation,
      }),
      heads,
    });
    this.#feedForward = new PlainFeedForward({
      up: new LinearLayer({
        scope: scope.child('mlp.fc1'),
        inputWidth: width,
        outputWidth: innerWidth,
        initialisation,
      }),
      down: new LinearLayer({
        scope: scope.child('mlp.fc2'),
        inputWidth: innerWidth,
        outputWidth: width,
        initialisation,
      }),
      activation,
    });
    this.#attentionNorm = new LayerNormLayer({ scope: scope.child('input_layernorm'), width, epsilon });
    this.#feedForwardNorm = new LayerNormLayer({ scope: scope.child('post_attention_layernorm'), width, epsilon });
    this.#attentionGate = gated ? scope.declare({ name: 'gate_attn', shape: [1], initialisation }) : null;
    this.#feedForwardGate = gated ? scope.declare({ name: 'gate_ffn', shape: [1], initialisation }) : null;
  }

  apply({ input, mask }: { input: tf.Tensor3D; mask: tf.Tensor }): tf.Tensor3D {
    const gated = (value: tf.Tensor3D, gate: ParameterHandle | null): tf.Tensor3D =>
      gate === null ? value : tf.mul(tf.tanh(gate.value), value);
    const attended = this.#attention.apply({ input: this.#attentionNorm.apply({ input }), mask });
    const hidden = tf.add(input, gated(attended, this.#attentionGate)) as tf.Tensor3D;
    return tf.add(
      hidden,
      gated(this.#feedForward.apply({ input: this.#feedForwardNorm.apply({ input: hidden }) }), this.#feedForwardGate),
    ) as tf.Tensor3D;
  }
}

/**
 * Mllama's vision encoder (Llama 3.2 Vision; arXiv 2407.21783, section 7): the tiles of an image pass together through one
 * transformer, with embeddings of their arrangement, then through gated global layers; the outputs of some intermediate
 * layers are concatenated to the last one's.
 */
export class MllamaVisionEncoder {
  readonly settings: MllamaVisionSettings;
  readonly #patchWeight: ParameterHandle;
  readonly #classEmbedding: ParameterHandle;
  readonly #positions: { gate: ParameterHandle; embedding: ParameterHandle; tiles: ParameterHandle };
  readonly #beforeTiles: { gate: ParameterHandle; embedding: ParameterHandle };
  readonly #afterTiles: { gate: ParameterHandle; embedding: ParameterHandle };
  readonly #inputNorm: LayerNormLayer;
  readonly #outputNorm: LayerNormLayer;
  readonly #blocks: MllamaVisionBlock[];
  readonly #globalBlocks: MllamaVisionBlock[];

  constructor({ scope, settings }: { scope: ParameterScope; settings: MllamaVisionSettings }) {
    const { width, channels, patchSize, maximumTiles, arrangements } = settings;
    this.settings = settings;
    const initialisation: Initialisation = { kind: 'normal', deviation: settings.initializerRange };
    const gateAt = (part: ParameterScope) =>
      part.declare({ name: 'gate', shape: [1], initialisation: { kind: 'zeros' } });
    const tileEmbedding = (name: string) => {
      const part = scope.child(name);
      return {
        gate: gateAt(part),
        embedding: part.declare({
          name: 'embedding.weight',
          shape: [arrangements + 1, maximumTiles * width],
          initialisation,
        }),
      };
    };
    const position = scope.child('gated_positional_embedding');
    this.#patchWeight = scope.declare({
      name: 'patch_embedding.weight',
      shape: [width, channels, patchSize, patchSize],
      initialisation,
    });
    this.#classEmbedding = scope.declare({ name: 'class_embedding', shape: [width], initialisation });
    this.#positions = {
      gate: gateAt(position),
      embedding: position.declare({ name: 'embedding', shape: [this.tokens, width], initialisation }),
      tiles: position.declare({
        name: 'tile_embedding.weight',
        shape: [arrangements + 1, maximumTiles * this.tokens * width],
        initialisation,
      }),
    };
    this.#beforeTiles = tileEmbedding('pre_tile_positional_embedding');
    this.#afterTiles = tileEmbedding('post_tile_positional_embedding');
    // These two use PyTorch's default epsilon, regardless of `norm_eps`.
    this.#inputNorm = new LayerNormLayer({ scope: scope.child('layernorm_pre'), width, epsilon: 1e-5 });
    this.#outputNorm = new LayerNormLayer({ scope: scope.child('layernorm_post'), width, epsilon: 1e-5 });
    const blocks = (name: string, count: number, gated: boolean) =>
      Array.from(
        { length: count },
        (_, index) => new MllamaVisionBlock({ scope: scope.child(name).child(index), settings, gated }),
      );
    this.#blocks = blocks('transformer.layers', settings.layers, false);
    this.#globalBlocks = blocks('global_transformer.layers', settings.globalLayers, true);
  }

  /** Tokens per tile: its patches and the class token. */
  get tokens(): number {
    return Math.floor(this.settings.imageSize / this.settings.patchSize) ** 2 + 1;
  }

  /**
   * @param options.pixelValues `[samples, images, tiles, channels, height, width]`
   * @param options.aspectRatioIds `[samples, images]`
   * @param options.aspectRatioMask `[samples, images, tiles]`
   * @returns `[samples · images · tiles, tokens, outputWidth]`
   * @throws {PixelValuesError} if the shapes do not match
   */
  encode({
    pixelValues,
    aspectRatioIds,
    aspectRatioMask,
  }: {
    pixelValues: PixelValues;
    aspectRatioIds: NumberArray<Int32Array>;
    aspectRatioMask: NumberArray<Int32Array>;
  }): tf.Tensor3D {
    const { width, channels, imageSize, patchSize, maximumTiles, outputWidth, intermediateLayers } = this.settings;
    const pictures = this.#checkInputs({ pixelValues, aspectRatioIds, aspectRatioMask });
    const tiles = pictures * maximumTiles;
    const { tokens } = this;
    const flat = [tiles, channels, imageSize, imageSize];
    const values =
      pixelValues instanceof tf.Tensor ? tf.reshape(pixelValues, flat) : { data: pixelValues.data, shape: flat };
    const { rows } = splitIntoPatches({ pixelValues: values, channels, patchSize, imageSize, classToken: true });
    const ids = tf.tensor1d(aspectRatioIds.data, 'int32');
    const patchWeight = tf.reshape(this.#patchWeight.value, [width, channels * patchSize * patchSize]) as tf.Tensor2D;
    const patches = tf.slice(linear({ input: rows, weight: patchWeight }), [0, 1, 0], [tiles, tokens - 1, width]);
    const classTokens = tf.tile(tf.reshape(this.#classEmbedding.value, [1, 1, width]), [tiles, 1, 1]);
    const placed = this.#addPositions(
      tf.concat([classTokens, this.#addTiles(patches, this.#beforeTiles, ids)], 1) as tf.Tensor3D,
      ids,
    );
    const padded = Math.ceil(tokens / tokenMultiple) * tokenMultiple;
    const mask = this.#mask(aspectRatioMask.data, pictures, padded);
    let hidden = tf.reshape(
      tf.pad(this.#inputNorm.apply({ input: placed }), [
        [0, 0],
        [0, padded - tokens],
        [0, 0],
      ]),
      [pictures, maximumTiles * padded, width],
    ) as tf.Tensor3D;
    const outputs = this.#blocks.map((block) => (hidden = block.apply({ input: hidden, mask })));
    const normalised = tf.reshape(this.#outputNorm.apply({ input: hidden }), [tiles, padded, width]) as tf.Tensor3D;
    hidden = tf.reshape(this.#addTiles(normalised, this.#afterTiles, ids), [
      pictures,
      maximumTiles * padded,
      width,
    ]) as tf.Tensor3D;
    for (const block of this.#globalBlocks) hidden = block.apply({ input: hidden, mask });
    const withoutPadding = (state: tf.Tensor3D): tf.Tensor3D =>
      tf.slice(tf.reshape(state, [tiles, padded, width]), [0, 0, 0], [tiles, tokens, width]) as tf.Tensor3D;
    if (intermediateLayers.length === 0) return withoutPadding(hidden);
    // The intermediate outputs are interleaved element by element, as the checkpoints' projector expects.
    const between = tf.stack(
      intermediateLayers.map((index) => withoutPadding(outputs[index]!)),
      -1,
    );
    return tf.concat(
      [withoutPadding(hidden), tf.reshape(between, [tiles, tokens, outputWidth - width])],
      -1,
    ) as tf.Tensor3D;
  }

  /** Adds the embedding of each tile's position in its arrangement to all tokens of the tile. */
  #addTiles(
    input: tf.Tensor3D,
    { gate, embedding: table }: { gate: ParameterHandle; embedding: ParameterHandle },
    ids: tf.Tensor1D,
  ): tf.Tensor3D {
    const rows = tf.reshape(embedding({ table: table.value as tf.Tensor2D, ids }), [input.shape[0], 1, input.shape[2]]);
    return tf.add(input, tf.mul(rows, tf.tanh(gate.value))) as tf.Tensor3D;
  }

  /** `x + (1 − tanh g) · position + tanh g · tilePosition`. */
  #addPositions(input: tf.Tensor3D, ids: tf.Tensor1D): tf.Tensor3D {
    const gate = tf.tanh(this.#positions.gate.value);
    const shared = tf.mul(tf.sub(1, gate), this.#positions.embedding.value);
    const byTile = tf.mul(
      gate,
      tf.reshape(embedding({ table: this.#positions.tiles.value as tf.Tensor2D, ids }), input.shape),
    );
    return tf.add(tf.add(input, shared), byTile) as tf.Tensor3D;
  }

  /**
   * `[pictures, tokens, tokens]`: only pairs of padding tokens are masked. Real tokens do attend to padding, as in Meta's
   * model, whose weights expect it.
   */
  #mask(aspectRatioMask: Int32Array, pictures: number, padded: number): tf.Tensor {
    const { maximumTiles } = this.settings;
    const length = maximumTiles * padded;
    const isPadding = new Uint8Array(length);
    const mask = new Int32Array(pictures * length * length);
    for (let picture = 0; picture < pictures; picture += 1) {
      for (let token = 0; token < length; token += 1) {
        const tile = Math.floor(token / padded);
        isPadding[token] =
          aspectRatioMask[picture * maximumTiles + tile] === 0 || token % padded >= this.tokens ? 1 : 0;
      }
      for (let query = 0; query < length; query += 1) {
        const at = (picture * length + query) * length;
        if (isPadding[query] === 0) mask.fill(1, at, at + length);
        else for (let key = 0; key < length; key += 1) mask[at + key] = 1 - isPadding[key]!;
      }
    }
    return tf.tensor3d(mask, [pictures, length, length], 'int32');
  }

  /** Validates the inputs and returns the number of images. */
  #checkInputs({
    pixelValues,
    aspectRatioIds,
    aspectRatioMask,
  }: {
    pixelValues: PixelValues;
    aspectRatioIds: NumberArray<Int32Array>;
    aspectRatioMask: NumberArray<Int32Array>;
  }): number {
    const { channels, imageSize, maximumTiles, arrangements } = this.settings;
    const [samples, images] = pixelValues.shape as [number, number];
    const expected = [samples, images, maximumTiles, channels, imageSize, imageSize];
    if (pixelValues.shape.length !== 6 || expected.some((size, axis) => size !== pixelValues.shape[axis])) {
      throw new PixelValuesError(
        `Pixel values must be [samples, images, ${maximumTiles}, ${channels}, ${imageSize}, ${imageSize}]; they are [${pixelValues.shape.join(', ')}]. Use the image processor of the model's folder.`,
      );
    }
    const pictures = samples * images;
    if (aspectRatioIds.data.length !== pictures || aspectRatioMask.data.length !== pictures * maximumTiles) {
      throw new PixelValuesError(
        `${pictures} images of ${maximumTiles} tiles need aspectRatioIds [${samples}, ${images}] and aspectRatioMask [${samples}, ${images}, ${maximumTiles}]; they are [${aspectRatioIds.shape.join(', ')}] and [${aspectRatioMask.shape.join(', ')}].`,
      );
    }
    const unknown = aspectRatioIds.data.find((id) => id < 0 || id > arrangements);
    if (unknown !== undefined)
      throw new PixelValuesError(
        `The aspect ratio id ${unknown} does not exist: this encoder has ids 0 to ${arrangements}.`,
      );
    return pictures;
  }
}
