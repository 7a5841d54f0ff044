import { SubtextError } from '@subtext/core';
import { tf } from '@subtext/tensor';
import type { NumberArray } from '../image-processing/numbers';

/** Pixel values as a tensor, or as a plain array with a shape (the output of an image processor). */
export type PixelValues = tf.Tensor | NumberArray;

/** Images split into patches, ready for a linear layer. */
export interface Patches {
  /** `[images, tokens, channels · patch · patch]`; with `classToken`, the first row of each image is 0 */
  rows: tf.Tensor3D;
  images: number;
  /** Number of patches along each side. */
  gridHeight: number;
  gridWidth: number;
}

/** Pixel values of an invalid shape. */
export class PixelValuesError extends SubtextError<'invalid-pixel-values'> {
  override readonly name = 'PixelValuesError';

  constructor(message: string) {
    super({ code: 'invalid-pixel-values', message });
  }

  /** True for errors of this class from any copy of the package. */
  static override isInstance(error: unknown): error is PixelValuesError {
    return SubtextError.isInstance(error) && error.name === 'PixelValuesError';
  }
}

const isTensor = (values: PixelValues): values is tf.Tensor => 'dataId' in values;

/**
 * Splits images into patches of `patchSize`, each flattened like a PyTorch convolution weight (channel, row, column), so
 * that the patch embedding is a single matrix product. Pixels beyond the last whole patch are dropped, as in a convolution
 * without padding.
 *
 * @param options.pixelValues `[images, channels, height, width]`, or `[images, height, width, channels]` if only that
 *   layout matches the number of channels
 * @throws {PixelValuesError} if the shape matches neither layout, or a required `imageSize`
 */
export function splitIntoPatches(options: {
  pixelValues: PixelValues;
  channels: number;
  patchSize: number;
  /** Required height and width of the images. @default any */
  imageSize?: number;
  /** Insert a row of zeros before each image's patches, for the class token. @default false */
  classToken?: boolean;
}): Patches {
  const { pixelValues, channels, patchSize, imageSize, classToken = false } = options;
  const { shape } = pixelValues;
  const channelsFirst = shape.length === 4 && shape[1] === channels;
  const channelsLast = shape.length === 4 && shape[3] === channels && !channelsFirst;
  if (!channelsFirst && !channelsLast) {
    throw new PixelValuesError(
      `Pixel values must be [images, ${channels}, height, width] or [images, height, width, ${channels}]; they are [${shape.join(', ')}].`,
    );
  }
  const [images, height, width] = (channelsFirst ? [shape[0], shape[2], shape[3]] : shape.slice(0, 3)) as [
    number,
    number,
    number,
  ];
  if (imageSize !== undefined && (height !== imageSize || width !== imageSize)) {
    throw new PixelValuesError(
      `This encoder takes images of ${imageSize} × ${imageSize}; these are ${width} × ${height}. Prepare them with the image processor of the same folder.`,
    );
  }
  const gridHeight = Math.floor(height / patchSize);
  const gridWidth = Math.floor(width / patchSize);
  if (images < 1 || gridHeight < 1 || gridWidth < 1) {
    throw new PixelValuesError(
      `Pixel values [${shape.join(', ')}] contain no whole patch of ${patchSize} × ${patchSize}.`,
    );
  }
  const grid = { images, channels, height, width, patchSize, gridHeight, gridWidth, classToken, channelsFirst };
  return {
    rows: isTensor(pixelValues) ? cutTensor(pixelValues, grid) : cutNumbers(pixelValues.data, grid),
    images,
    gridHeight,
    gridWidth,
  };
}

interface Grid {
  images: number;
  channels: number;
  height: number;
  width: number;
  patchSize: number;
  gridHeight: number;
  gridWidth: number;
  classToken: boolean;
  channelsFirst: boolean;
}

/** One pass on the host: images need no gradients, and no engine transposes as cheaply. */
function cutNumbers(data: Float32Array, grid: Grid): tf.Tensor3D {
  const { images, channels, height, width, patchSize, gridHeight, gridWidth, classToken, channelsFirst } = grid;
  if (data.length !== images * channels * height * width) {
    throw new PixelValuesError(
      `Pixel values of ${images} × ${channels} × ${height} × ${width} need ${images * channels * height * width} numbers; there are ${data.length}.`,
    );
  }
  const first = classToken ? 1 : 0;
  const tokens = gridHeight * gridWidth + first;
  const patchWidth = channels * patchSize * patchSize;
  const out = new Float32Array(images * tokens * patchWidth);
  const [channelStride, pixelStride] = channelsFirst ? [height * width, 1] : [1, channels];
  for (let image = 0; image < images; image += 1) {
    const source = image * channels * height * width;
    for (let patch = 0; patch < gridHeight * gridWidth; patch += 1) {
      const top = Math.floor(patch / gridWidth) * patchSize;
      const left = (patch % gridWidth) * patchSize;
      let at = (image * tokens + first + patch) * patchWidth;
      for (let channel = 0; channel < channels; channel += 1) {
        for (let y = top; y < top + patchSize; y += 1) {
          let from = source + channel * channelStride + (y * width + left) * pixelStride;
          for (let x = 0; x < patchSize; x += 1, from += pixelStride) out[at + x] = data[from]!;
          at += patchSize;
        }
      }
    }
  }
  return tf.tensor3d(out, [images, tokens, patchWidth]);
}

function cutTensor(tensor: tf.Tensor, grid: Grid): tf.Tensor3D {
  const { images, channels, patchSize, gridHeight, gridWidth, classToken, channelsFirst } = grid;
  return tf.tidy(() => {
    const planes = channelsFirst ? tensor : tf.transpose(tensor, [0, 3, 1, 2]);
    const whole = tf.slice(planes, [0, 0, 0, 0], [images, channels, gridHeight * patchSize, gridWidth * patchSize]);
    // Two transposes of four axes instead of one of six, which not every engine supports.
    const columns = tf.transpose(
      tf.reshape(whole, [images * channels * gridHeight, patchSize, gridWidth, patchSize]),
      [0, 2, 1, 3],
    );
    const rows = tf.transpose(
      tf.reshape(columns, [images, channels, gridHeight * gridWidth, patchSize * patchSize]),
      [0, 2, 1, 3],
    );
    const patches = tf.reshape(rows, [images, gridHeight * gridWidth, channels * patchSize * patchSize]) as tf.Tensor3D;
    return classToken
      ? tf.pad(patches, [
          [0, 0],
          [1, 0],
          [0, 0],
        ])
      : patches;
  });
}
