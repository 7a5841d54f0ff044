import { crop, type Size } from './geometry';
import { defaultMaximumPixels, type DecodedImage, type ImageSource } from './image';
import { loadRgb, nestedImages, type ImageProcessor, type ProcessOptions } from './image-processor';
import { PixelWriter } from './normalize';
import { largest, type ProcessedImages } from './numbers';
import { maximumTiles as mostTiles, resizeWithin } from './picture-budget';
import { ConfigReader, type ProcessorConfig } from './processor-settings';

/** All arrangements `[rows, columns]` of at most `maximumTiles` tiles, in the order of their ids from 1. */
function tileArrangements(maximumTiles: number): Size[] {
  const arrangements: Size[] = [];
  for (let rows = 1; rows <= maximumTiles; rows += 1) {
    for (let columns = 1; rows * columns <= maximumTiles; columns += 1) arrangements.push([rows, columns]);
  }
  return arrangements;
}

/**
 * The best arrangement for an image: the one with the smallest enlargement if any canvas is large enough, else the least
 * reduction; ties go to the smallest canvas.
 */
function bestArrangement([height, width]: Size, maximumTiles: number, tile: number): Size {
  const options = tileArrangements(maximumTiles).map((arrangement) => ({
    arrangement,
    scale: Math.min((arrangement[0] * tile) / height, (arrangement[1] * tile) / width),
    area: arrangement[0] * arrangement[1],
  }));
  const enlarging = options.filter((option) => option.scale >= 1).map((option) => option.scale);
  const chosen = enlarging.length > 0 ? Math.min(...enlarging) : Math.max(...options.map((option) => option.scale));
  const candidates = options.filter((option) => option.scale === chosen);
  return candidates.reduce((best, option) => (option.area < best.area ? option : best)).arrangement;
}

/** Size of the image inside its canvas: as large as fits, never enlarged beyond a tile's side. */
function sizeInCanvas([height, width]: Size, [rows, columns]: Size, tile: number): Size {
  const targetWidth = Math.min(Math.max(width, tile), columns * tile);
  const targetHeight = Math.min(Math.max(height, tile), rows * tile);
  const scaleHeight = targetHeight / height;
  const scaleWidth = targetWidth / width;
  // `|| 1`: extremely thin images keep one pixel.
  if (scaleWidth < scaleHeight) return [Math.min(Math.floor(height * scaleWidth) || 1, targetHeight), targetWidth];
  return [targetHeight, Math.min(Math.floor(width * scaleHeight) || 1, targetWidth)];
}

/**
 * Image processor of Mllama (Llama 3.2 Vision): the image is placed in the top left corner of the best arrangement of tiles,
 * padded with black, and split into them; unused tiles are 0.
 *
 * @throws {ImageError} `processor-config-unsupported`
 */
export function createMllamaProcessor(options: {
  config: ProcessorConfig;
  place: string;
  maximumPreparedPixels: number;
}): ImageProcessor {
  const { config } = options;
  const reader = new ConfigReader(config, options.place, options.maximumPreparedPixels);
  const half = [0.5, 0.5, 0.5];
  const common = reader.common({
    size: { height: 224, width: 224 },
    square: true,
    resampling: 'bilinear',
    mean: half,
    deviation: half,
  });
  const { size } = common;
  if (!('height' in size) || size.height !== size.width)
    return reader.fail('size', 'expected a square { height, width }');
  const tile = size.height;
  const maximumTiles = reader.wholePositive('max_image_tiles', 4);
  if (maximumTiles > mostTiles) return reader.fail('max_image_tiles', `the limit is ${mostTiles} tiles`);
  reader.within('max_image_tiles', tile, tile, maximumTiles);
  if (!common.resize) return reader.fail('do_resize', 'images are always resized to tiles');
  reader.expect('do_pad', [true], 'images are always padded to tiles');
  reader.expect('do_center_crop', [false], 'this processor does not crop');
  reader.expect('crop_size', [], 'this processor does not crop');
  reader.expect('pad_size', [], 'images are padded to their tiles');
  reader.finish();
  const writer = new PixelWriter(common.scale);
  const arrangements = tileArrangements(maximumTiles);

  const tilesOf = (image: DecodedImage, maximumPixels: number): { tiles: DecodedImage[]; identifier: number } => {
    const from: Size = [image.height, image.width];
    const [rows, columns] = bestArrangement(from, maximumTiles, tile);
    const resized = resizeWithin({
      image,
      to: sizeInCanvas(from, [rows, columns], tile),
      resampling: common.resampling,
      maximumPixels,
    });
    const tiles: DecodedImage[] = [];
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1)
        tiles.push(crop(resized, { top: row * tile, left: column * tile, height: tile, width: tile }));
    }
    return { tiles, identifier: arrangements.findIndex((entry) => entry[0] === rows && entry[1] === columns) + 1 };
  };

  return {
    kind: 'mllama',
    config,
    async process(
      images: readonly ImageSource[] | readonly (readonly ImageSource[])[],
      { maximumPixels = defaultMaximumPixels }: ProcessOptions = {},
    ): Promise<ProcessedImages> {
      const samples = [];
      for (const sources of nestedImages(images)) {
        const sample = [];
        for (const source of sources)
          sample.push(
            tilesOf(
              await loadRgb({ source, convertToRgb: common.convertToRgb, transparency: 'white', maximumPixels }),
              maximumPixels,
            ),
          );
        samples.push(sample);
      }
      const count = largest(samples.map((sample) => sample.length));
      const plane = tile * tile;
      const data = new Float32Array(samples.length * count * maximumTiles * 3 * plane);
      const identifiers = new Int32Array(samples.length * count);
      const mask = new Int32Array(samples.length * count * maximumTiles);
      // The first tile counts as used even without an image, so that no attention row is fully masked.
      for (let at = 0; at < mask.length; at += maximumTiles) mask[at] = 1;
      for (const [sampleIndex, sample] of samples.entries()) {
        for (const [index, { tiles, identifier }] of sample.entries()) {
          const at = sampleIndex * count + index;
          identifiers[at] = identifier;
          mask.fill(1, at * maximumTiles, at * maximumTiles + tiles.length);
          for (const [tileIndex, image] of tiles.entries()) {
            writer.write({
              image,
              target: data,
              offset: (at * maximumTiles + tileIndex) * 3 * plane,
              planeHeight: tile,
              planeWidth: tile,
            });
          }
        }
      }
      return {
        pixelValues: { data, shape: [samples.length, count, maximumTiles, 3, tile, tile] },
        aspectRatioIds: { data: identifiers, shape: [samples.length, count] },
        aspectRatioMask: { data: mask, shape: [samples.length, count, maximumTiles] },
        numTiles: samples.map((sample) => sample.map(({ tiles }) => tiles.length)),
      };
    },
  };
}
