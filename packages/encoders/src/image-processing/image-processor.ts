import { ImageError } from './image-error';
import { decodeImage, toRgb, type DecodedImage, type ImageSource } from './image';
import type { ProcessedImages } from './numbers';

/** Options of {@link ImageProcessor.process}. */
export interface ProcessOptions {
  /** Maximum number of pixels per image. @default 89,478,485 */
  maximumPixels?: number;
}

/**
 * Turns images into the inputs of a vision encoder, like the processor of the same name in transformers.
 * CLIP, SigLIP and LLaVA take a list of images. Idefics3 and Mllama take one list per sample; a flat list is a single
 * sample.
 */
export interface ImageProcessor {
  /** Processor family. */
  readonly kind: 'clip' | 'siglip' | 'llava' | 'idefics3' | 'mllama';
  /** The original `preprocessor_config.json`, written by {@link saveImageProcessor}. */
  readonly config: Readonly<Record<string, unknown>>;
  /**
   * Idefics3: rows and columns of tiles for an image of this size (in pixels, upright); 0 and 0 for a single tile. Absent in
   * families whose images all have the same number of tokens in a prompt.
   */
  tileGrid?(size: { height: number; width: number }): { rows: number; columns: number };
  /** @throws {ImageError} if an image cannot be read or processed */
  process(
    images: readonly ImageSource[] | readonly (readonly ImageSource[])[],
    options?: ProcessOptions,
  ): Promise<ProcessedImages>;
}

/** Decodes an image to three channels, according to the processor's settings. */
export async function loadRgb(options: {
  source: ImageSource;
  convertToRgb: boolean;
  transparency: 'drop' | 'white';
  maximumPixels?: number;
}): Promise<DecodedImage> {
  const { source, convertToRgb, transparency, maximumPixels } = options;
  const image = await decodeImage({ source, maximumPixels });
  if (!convertToRgb && !image.isPlainRgb) {
    const place = typeof source === 'string' ? source : 'in memory';
    throw new ImageError({
      code: 'image-invalid',
      message: `The image ${place} is not plain RGB, and the processor's \`do_convert_rgb\` is false. Convert the image, or set \`do_convert_rgb\` to true.`,
    });
  }
  return toRgb(image, transparency);
}

const isList = (entry: unknown): entry is readonly ImageSource[] => Array.isArray(entry);

/** Flattens a list of images. */
export function flatImages(images: readonly ImageSource[] | readonly (readonly ImageSource[])[]): ImageSource[] {
  const flat = images.flatMap((entry) => (isList(entry) ? [...entry] : [entry as ImageSource]));
  if (flat.length === 0)
    throw new ImageError({ code: 'image-invalid', message: 'There are no images to process. Give at least one.' });
  return flat;
}

/** One list of images per sample; a flat list becomes a single sample. */
export function nestedImages(images: readonly ImageSource[] | readonly (readonly ImageSource[])[]): ImageSource[][] {
  const lists = images.filter(isList);
  if (lists.length !== 0 && lists.length !== images.length) {
    throw new ImageError({
      code: 'image-invalid',
      message: 'Give either a list of images or a list of lists, not a mixture.',
    });
  }
  const nested = lists.length === 0 ? [[...(images as readonly ImageSource[])]] : lists.map((list) => [...list]);
  if (nested.every((sample) => sample.length === 0))
    throw new ImageError({ code: 'image-invalid', message: 'There are no images to process. Give at least one.' });
  return nested;
}
