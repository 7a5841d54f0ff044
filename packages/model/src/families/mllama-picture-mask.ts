import type { NumberArray } from '@subtext/encoders';
import { tf } from '@subtext/tensor';

import { ModelError } from '../model-error';
import type { ImageInputs } from '../multimodal-model';

/**
 * The cross-attention mask `[batch, time, images, tiles]`: each image is visible from its token up to the next image's;
 * adjacent images are visible together.
 *
 * @throws ModelError `images-do-not-match` if a row has a different number of image tokens and images
 */
export function pictureMask({
  marks,
  images,
  time,
  tiles,
  maximumTiles,
  imageTokenId,
}: {
  /** Positions of the image tokens, by row. */
  marks: readonly (readonly number[])[];
  images: ImageInputs | tf.Tensor3D;
  time: number;
  /** Number of tiles per row, including padding. */
  tiles: number;
  /** Maximum number of tiles per image. */
  maximumTiles: number;
  imageTokenId: number;
}): NumberArray<Int32Array> {
  const count = tiles / maximumTiles;
  const used = images instanceof tf.Tensor ? null : (images.aspectRatioMask?.data ?? null);
  const data = new Int32Array(marks.length * time * tiles);
  for (const [row, positions] of marks.entries()) {
    const ids =
      images instanceof tf.Tensor ? null : images.aspectRatioIds!.data.subarray(row * count, (row + 1) * count);
    const present = ids === null ? count : ids.filter((id) => id > 0).length;
    if (ids === null ? positions.length > count : positions.length !== present) {
      throw new ModelError({
        code: 'images-do-not-match',
        message: `Prompt ${row} has ${positions.length} image tokens (id ${imageTokenId}) but ${present} images. Write one image token per image.`,
      });
    }
    const ends = positions.map((_, index) => positions[index + 1] ?? time);
    for (let index = positions.length - 2; index >= 0; index -= 1)
      if (ends[index] === positions[index]! + 1) ends[index] = ends[index + 1]!;
    for (const [image, start] of positions.entries()) {
      for (let position = start; position < ends[image]!; position += 1) {
        for (let tile = 0; tile < maximumTiles; tile += 1) {
          const seen = used === null ? 1 : used[(row * count + image) * maximumTiles + tile]!;
          data[((row * time + position) * count + image) * maximumTiles + tile] = seen;
        }
      }
    }
  }
  return { data, shape: [marks.length, time, count, maximumTiles] };
}
