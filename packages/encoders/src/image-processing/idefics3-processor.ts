import { crop, type Size } from './geometry';
import { defaultMaximumPixels, type DecodedImage, type ImageSource } from './image';
import { ImageError } from './image-error';
import { loadRgb, nestedImages, type ImageProcessor, type ProcessOptions } from './image-processor';
import { PixelWriter } from './normalize';
import { largest, type ProcessedImages } from './numbers';
import { checkPreparedSize, maximumTiles, resizeWithin } from './picture-budget';
import { ConfigReader, type ProcessorConfig } from './processor-settings';

/** Maximum side length after resizing, in pixels. */
const largestSide = 4096;

/** Scales the long side to `longestEdge`; the short side keeps the aspect ratio, made even; neither exceeds 4096. */
function sizeByLongestEdge([height, width]: Size, longestEdge: number): Size {
  const proportion = width / height;
  let size: [number, number];
  if (width >= height) {
    const short = Math.trunc(longestEdge / proportion);
    size = [Math.max(1, short + (short % 2)), longestEdge];
  } else {
    const short = Math.trunc(longestEdge * proportion);
    size = [longestEdge, Math.max(1, short + (short % 2))];
  }
  const after = size[1] / size[0];
  if (size[1] >= size[0] && size[1] > largestSide) return [Math.max(1, Math.trunc(largestSide / after)), largestSide];
  if (size[0] > size[1] && size[0] > largestSide) return [largestSide, Math.max(1, Math.trunc(largestSide * after))];
  return size;
}

/** Rounds the sides up to multiples of the tile size. */
function sizeInTiles([height, width]: Size, tile: number): Size {
  const proportion = width / height;
  const up = (length: number): number => Math.ceil(length / tile) * tile;
  if (width >= height) return [up(Math.trunc(up(width) / proportion)), up(width)];
  return [up(height), up(Math.trunc(up(height) * proportion))];
}

/**
 * Image processor of Idefics3 and SmolVLM: the image is enlarged to whole tiles and split into them, followed by the whole
 * image as one tile (`do_image_splitting`); samples with fewer tiles are padded with empty ones.
 *
 * @throws {ImageError} `processor-config-unsupported`
 */
export function createIdefics3Processor(options: {
  config: ProcessorConfig;
  place: string;
  maximumPreparedPixels: number;
}): ImageProcessor {
  const { config, maximumPreparedPixels } = options;
  const reader = new ConfigReader(config, options.place, maximumPreparedPixels);
  const half = [0.5, 0.5, 0.5];
  const common = reader.common({
    size: { longestEdge: 4 * 364 },
    square: true,
    resampling: 'lanczos',
    mean: half,
    deviation: half,
  });
  const { size } = common;
  if (!('height' in size) && (!('longestEdge' in size) || 'shortestEdge' in size))
    return reader.fail('size', 'expected { longest_edge } or { height, width }');
  const tileSize = reader.size('max_image_size', { longestEdge: 364 }, { square: false });
  if (!('longestEdge' in tileSize) || tileSize.longestEdge === undefined)
    return reader.fail('max_image_size', 'expected { longest_edge }');
  const tile = tileSize.longestEdge;
  reader.within('max_image_size', tile, tile);
  const split = reader.flag('do_image_splitting', true);
  reader.expect('do_pad', [true], 'images in a batch are always padded to the same number of tiles');
  reader.expect('do_center_crop', [false], 'this processor does not crop');
  reader.expect('crop_size', [], 'this processor does not crop');
  reader.expect('pad_size', [], 'tiles are padded to the largest of the batch');
  reader.finish();
  const writer = new PixelWriter(common.scale);

  const resize = (image: DecodedImage, to: Size, maximumPixels: number): DecodedImage =>
    resizeWithin({ image, to, resampling: common.resampling, maximumPixels });

  /** Intermediate sizes of an image, and its grid of tiles. */
  const plan = (from: Size): { first: Size | null; whole: Size; rows: number; columns: number } => {
    const first = !common.resize
      ? null
      : 'height' in size
        ? ([size.height, size.width] as Size)
        : sizeByLongestEdge(from, size.longestEdge);
    if (!split) return { first, whole: [tile, tile], rows: 0, columns: 0 };
    const whole = sizeInTiles(first ?? from, tile);
    const one = whole[0] <= tile && whole[1] <= tile;
    if ((whole[0] / tile) * (whole[1] / tile) > maximumTiles) {
      throw new ImageError({
        code: 'image-too-large',
        message: `An image of ${from[1]} × ${from[0]} would be split into ${whole[0] / tile} × ${whole[1] / tile} tiles of ${tile}; the limit is ${maximumTiles}. Crop it to a less extreme aspect ratio.`,
      });
    }
    checkPreparedSize({ from: [1, 1], to: whole, maximumPixels: maximumPreparedPixels });
    return { first, whole, rows: one ? 0 : whole[0] / tile, columns: one ? 0 : whole[1] / tile };
  };

  /** The tiles row by row, then the whole image; a single tile if the image fits into it. */
  const tilesOf = (
    decoded: DecodedImage,
    maximumPixels: number,
  ): { tiles: DecodedImage[]; rows: number; columns: number } => {
    const { first, whole, rows, columns } = plan([decoded.height, decoded.width]);
    const image = resize(first === null ? decoded : resize(decoded, first, maximumPixels), whole, maximumPixels);
    if (rows === 0) return { tiles: [image], rows, columns };
    const tiles: DecodedImage[] = [];
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1)
        tiles.push(crop(image, { top: row * tile, left: column * tile, height: tile, width: tile }));
    }
    return { tiles: [...tiles, resize(image, [tile, tile], maximumPixels)], rows, columns };
  };

  return {
    kind: 'idefics3',
    config,
    tileGrid({ height, width }) {
      const { rows, columns } = plan([height, width]);
      return { rows, columns };
    },
    async process(
      images: readonly ImageSource[] | readonly (readonly ImageSource[])[],
      { maximumPixels = defaultMaximumPixels }: ProcessOptions = {},
    ): Promise<ProcessedImages> {
      const samples: DecodedImage[][] = [];
      const rows: number[][] = [];
      const columns: number[][] = [];
      for (const sources of nestedImages(images)) {
        const parts = [];
        for (const source of sources)
          parts.push(
            tilesOf(
              await loadRgb({ source, convertToRgb: common.convertToRgb, transparency: 'drop', maximumPixels }),
              maximumPixels,
            ),
          );
        samples.push(parts.flatMap((part) => part.tiles));
        rows.push(parts.map((part) => part.rows));
        columns.push(parts.map((part) => part.columns));
      }
      const count = largest(samples.map((sample) => sample.length));
      const height = largest(samples.flat().map((image) => image.height));
      const width = largest(samples.flat().map((image) => image.width));
      const plane = height * width;
      const data = new Float32Array(samples.length * count * 3 * plane);
      const mask = new Int32Array(samples.length * count * plane);
      for (const [sampleIndex, sample] of samples.entries()) {
        for (const [index, image] of sample.entries()) {
          const at = sampleIndex * count + index;
          writer.write({ image, target: data, offset: at * 3 * plane, planeHeight: height, planeWidth: width });
          for (let y = 0; y < image.height; y += 1)
            mask.fill(1, at * plane + y * width, at * plane + y * width + image.width);
        }
      }
      return {
        pixelValues: { data, shape: [samples.length, count, 3, height, width] },
        pixelAttentionMask: { data: mask, shape: [samples.length, count, height, width] },
        rows,
        columns,
      };
    },
  };
}
