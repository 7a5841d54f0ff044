import { centerCrop, padToSquare, sizeBetweenEdges, sizeByShortestEdge, sizeInside, type Size } from './geometry';
import { ImageError } from './image-error';
import { defaultMaximumPixels, type DecodedImage, type ImageSource } from './image';
import { flatImages, loadRgb, type ImageProcessor, type ProcessOptions } from './image-processor';
import { PixelWriter } from './normalize';
import { largest, type ProcessedImages } from './numbers';
import { checkPreparedSize, resizeWithin } from './picture-budget';
import { ConfigReader, type ProcessorConfig, type SizeSetting } from './processor-settings';

/** Mean and standard deviation of OpenAI's CLIP. */
const clipMean = [0.48145466, 0.4578275, 0.40821073];
const clipDeviation = [0.26862954, 0.26130258, 0.27577711];
const half = [0.5, 0.5, 0.5];

const defaults = {
  clip: { size: { shortestEdge: 224 }, crop: true, mean: clipMean, deviation: clipDeviation },
  llava: { size: { shortestEdge: 224 }, crop: true, mean: clipMean, deviation: clipDeviation },
  siglip: { size: { height: 224, width: 224 }, crop: false, mean: half, deviation: half },
} as const;

function targetSize(from: Size, setting: SizeSetting, reader: ConfigReader): Size {
  if ('height' in setting) return [setting.height, setting.width];
  if ('maximumHeight' in setting) return sizeInside(from, setting.maximumHeight, setting.maximumWidth);
  if (!('shortestEdge' in setting))
    return reader.fail(
      'size',
      'this processor needs { height, width }, { shortest_edge } or { max_height, max_width }',
    );
  if (setting.longestEdge !== undefined) return sizeBetweenEdges(from, setting.shortestEdge, setting.longestEdge);
  return sizeByShortestEdge(from, setting.shortestEdge);
}

/**
 * Image processor of CLIP, SigLIP and LLaVA: resize, centre crop, rescale, normalise; for LLaVA, pad to a square first if
 * `do_pad` is set.
 *
 * @throws {ImageError} `processor-config-unsupported`
 */
export function createFitAndCropProcessor(options: {
  kind: 'clip' | 'siglip' | 'llava';
  config: ProcessorConfig;
  place: string;
  maximumPreparedPixels: number;
}): ImageProcessor {
  const { kind, config, maximumPreparedPixels } = options;
  const reader = new ConfigReader(config, options.place, maximumPreparedPixels);
  const preset = defaults[kind];
  const common = reader.common({
    size: preset.size,
    square: false,
    resampling: 'bicubic',
    mean: preset.mean,
    deviation: preset.deviation,
  });
  const cropFallback = kind === 'siglip' ? null : { height: 224, width: 224 };
  const cropSize = reader.size('crop_size', cropFallback, { square: true });
  const crop = reader.flag('do_center_crop', preset.crop) ? cropSize : null;
  if (crop !== null && !('height' in crop)) return reader.fail('crop_size', 'expected { height, width }');
  if (reader.flag('do_center_crop', preset.crop) && crop === null)
    return reader.fail('crop_size', '`do_center_crop` is true, which requires { height, width }');
  const pad = reader.flag('do_pad', false);
  const padSize = reader.size('pad_size', null, { square: true });
  if (padSize !== null && !('height' in padSize)) return reader.fail('pad_size', 'expected { height, width }');
  reader.expect('use_square_size', [false], 'give `size` as { height, width } instead');
  reader.finish();
  if (crop !== null) reader.within('crop_size', crop.height, crop.width);
  if (padSize !== null) reader.within('pad_size', padSize.height, padSize.width);
  if (common.resize) targetSize([1, 1], common.size, reader);
  const background = common.mean.map((value) => Math.trunc(value * 255)) as [number, number, number];
  const writer = new PixelWriter(common.scale);

  const prepare = (decoded: DecodedImage, maximumPixels: number): DecodedImage => {
    const side = Math.max(decoded.height, decoded.width);
    if (kind === 'llava' && pad)
      checkPreparedSize({ from: [decoded.height, decoded.width], to: [side, side], maximumPixels });
    let image = kind === 'llava' && pad ? padToSquare(decoded, background) : decoded;
    if (common.resize) {
      const [toHeight, toWidth] = targetSize([image.height, image.width], common.size, reader);
      if (toHeight < 1 || toWidth < 1)
        throw new ImageError({
          code: 'image-invalid',
          message: `An image of ${image.width} × ${image.height} would shrink to ${toWidth} × ${toHeight}. Crop it to a less extreme aspect ratio.`,
        });
      image = resizeWithin({ image, to: [toHeight, toWidth], resampling: common.resampling, maximumPixels });
    }
    if (crop !== null) return centerCrop(image, [crop.height, crop.width]);
    checkPreparedSize({ from: [1, 1], to: [image.height, image.width], maximumPixels: maximumPreparedPixels });
    return image;
  };

  return {
    kind,
    config,
    async process(
      images: readonly ImageSource[] | readonly (readonly ImageSource[])[],
      { maximumPixels = defaultMaximumPixels }: ProcessOptions = {},
    ): Promise<ProcessedImages> {
      const prepared: DecodedImage[] = [];
      for (const source of flatImages(images)) {
        prepared.push(
          prepare(
            await loadRgb({ source, convertToRgb: common.convertToRgb, transparency: 'drop', maximumPixels }),
            maximumPixels,
          ),
        );
      }
      // Padding to a common size applies to normalised values, so the border is 0; LLaVA has padded earlier.
      const padsAfter = pad && kind !== 'llava';
      const height = padsAfter && padSize !== null ? padSize.height : largest(prepared.map((image) => image.height));
      const width = padsAfter && padSize !== null ? padSize.width : largest(prepared.map((image) => image.width));
      const misfit = prepared.find((image) =>
        padsAfter ? image.height > height || image.width > width : image.height !== height || image.width !== width,
      );
      if (misfit !== undefined) {
        throw new ImageError({
          code: 'image-invalid',
          message: `The processed images differ in size (${misfit.width} × ${misfit.height} and ${width} × ${height}) and cannot be batched. Process them one by one, or set \`size\` to a height and a width.`,
        });
      }
      const data = new Float32Array(prepared.length * 3 * height * width);
      for (const [index, image] of prepared.entries()) {
        writer.write({
          image,
          target: data,
          offset: index * 3 * height * width,
          planeHeight: height,
          planeWidth: width,
        });
      }
      return { pixelValues: { data, shape: [prepared.length, 3, height, width] } };
    },
  };
}
