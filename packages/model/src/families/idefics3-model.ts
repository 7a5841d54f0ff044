import type { NumberArray, PatchVisionEncoder, PixelValues } from '@subtext/encoders';
import type { LinearLayer } from '@subtext/nn';
import { tf } from '@subtext/tensor';

import type { DecoderModel } from '../decoder-model';
import { ModelError } from '../model-error';
import {
  explainImages,
  placeImages,
  type EmbeddedInputs,
  type IdRows,
  type ImageInputs,
  type MultimodalModel,
} from '../multimodal-model';
import { AroundTextModel } from './around-text-model';

/**
 * Pixel shuffle: concatenates each `factor` × `factor` square of patches: `[images, patches, width]` to
 * `[images, patches / factor², width · factor²]`.
 */
function pixelShuffle({ input, factor }: { input: tf.Tensor3D; factor: number }): tf.Tensor3D {
  const [images, patches, width] = input.shape;
  const side = Math.sqrt(patches);
  if (!Number.isInteger(side) || side % factor !== 0) {
    throw new ModelError({
      code: 'invalid-images',
      message: `An image of ${patches} patches cannot be grouped into squares of ${factor} × ${factor}: it must be square, with a multiple of ${factor} patches per side. Use the image processor of the model's folder.`,
    });
  }
  const small = side / factor;
  // Patches of a row are already adjacent; bring the rows of each square together.
  const rows = tf.transpose(tf.reshape(input, [images * small, factor, small, width * factor]), [0, 2, 1, 3]);
  return tf.reshape(rows, [images, small * small, width * factor * factor]) as tf.Tensor3D;
}

/** The images of a batch in order, on the host, without empty padding tiles. */
function realTiles({ pixelValues, pixelAttentionMask }: ImageInputs): {
  pixelValues: PixelValues;
  pixelAttentionMask?: NumberArray<Int32Array>;
} {
  const { shape } = pixelValues;
  if (shape.length === 4) return { pixelValues, pixelAttentionMask };
  if (shape.length !== 5) {
    throw new ModelError({
      code: 'invalid-images',
      message: `pixelValues must be [samples, tiles, channels, height, width] or [tiles, channels, height, width]; they are [${shape.join(', ')}].`,
    });
  }
  const data = pixelValues instanceof tf.Tensor ? (pixelValues.dataSync() as Float32Array) : pixelValues.data;
  const count = shape[0]! * shape[1]!;
  const size = shape.slice(2).reduce((product, length) => product * length, 1);
  if (data.length !== count * size) {
    throw new ModelError({
      code: 'invalid-images',
      message: `pixelValues of [${shape.join(', ')}] need ${count * size} numbers; there are ${data.length}.`,
    });
  }
  const kept: number[] = [];
  for (let tile = 0; tile < count; tile += 1) {
    if (data.subarray(tile * size, (tile + 1) * size).some((value) => value !== 0)) kept.push(tile);
  }
  const gather = <Data extends Float32Array | Int32Array>(source: Data, length: number, target: Data): Data => {
    for (const [index, tile] of kept.entries())
      target.set(source.subarray(tile * length, (tile + 1) * length), index * length);
    return target;
  };
  const mask = pixelAttentionMask;
  const plane = shape[3]! * shape[4]!;
  if (mask !== undefined && mask.data.length !== count * plane) {
    throw new ModelError({
      code: 'invalid-images',
      message: `pixelAttentionMask must be [${[shape[0], shape[1], shape[3], shape[4]].join(', ')}] to match the images; it is [${mask.shape.join(', ')}].`,
    });
  }
  return {
    pixelValues: {
      data: gather(data, size, new Float32Array(kept.length * size)),
      shape: [kept.length, ...shape.slice(2)],
    },
    pixelAttentionMask: mask && {
      data: gather(mask.data, plane, new Int32Array(kept.length * plane)),
      shape: [kept.length, shape[3]!, shape[4]!],
    },
  };
}

/**
 * Idefics3 (arXiv 2408.12637) and SmolVLM (arXiv 2504.05299): each image tile goes through the vision encoder;
 * neighbouring patches are concatenated, projected and inserted among the text embeddings.
 */
export class Idefics3Model extends AroundTextModel implements MultimodalModel {
  readonly vision: PatchVisionEncoder;
  /** From `visionWidth · factor²` to the text's width, without a bias. */
  readonly connector: LinearLayer;
  readonly imageTokenId: number;
  readonly factor: number;

  constructor({
    vision,
    connector,
    text,
    imageTokenId,
    factor,
  }: {
    vision: PatchVisionEncoder;
    connector: LinearLayer;
    text: DecoderModel;
    imageTokenId: number;
    factor: number;
  }) {
    super({ text });
    this.vision = vision;
    this.connector = connector;
    this.imageTokenId = imageTokenId;
    this.factor = factor;
  }

  get imageTokens(): number {
    return Math.floor(this.vision.dimensions.patches / this.factor ** 2);
  }

  encodeImages(images: ImageInputs): tf.Tensor3D {
    const { lastHiddenState } = explainImages(this.modelType, () => this.vision.encode(realTiles(images)));
    return this.connector.apply({ input: pixelShuffle({ input: lastHiddenState, factor: this.factor }) });
  }

  embedInputs({ ids, images }: { ids: IdRows; images?: ImageInputs | tf.Tensor3D | null }): EmbeddedInputs {
    return { embeddings: placeImages({ model: this, ids, images }), forwardExtras: {} };
  }
}
