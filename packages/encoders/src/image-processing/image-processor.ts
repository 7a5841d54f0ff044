import { ImageError } from './image-error';
import { decodeImage, toRgb, type DecodedImage, type ImageSource } from './image';
import type { ProcessedImages } from './numbers';

/** What an image processor is called with. */
export interface ProcessOptions {
  /** refuse pictures with more pixels than this. @default 89,478,485 */
  maximumPixels?: number;
}

/**
 * Turns pictures into what a vision encoder takes, as the processor of the same name in transformers does.
 * CLIP, SigLIP and LLaVA take a list of pictures. Idefics3 and Mllama take a list for each sample; a flat list is one
 * sample.
 */
export interface ImageProcessor {
  /** the processor's family */
  readonly kind: 'clip' | 'siglip' | 'llava' | 'idefics3' | 'mllama';
  /** `preprocessor_config.json` as it was given; what {@link saveImageProcessor} writes */
  readonly config: Readonly<Record<string, unknown>>;
  /**
   * Idefics3: rows and columns of tiles that a picture of this size (in pixels, upright) is cut into; 0 and 0 where it is
   * one tile. Absent in the families whose pictures all take the same number of tokens in a prompt.
   */
  tileGrid?(size: { height: number; width: number }): { rows: number; columns: number };
  /** @throws {ImageError} when a picture cannot be read or prepared */
  process(
    images: readonly ImageSource[] | readonly (readonly ImageSource[])[],
    options?: ProcessOptions,
  ): Promise<ProcessedImages>;
}

/** Decodes a picture to three channels, the way a processor is set. */
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
      message: `The picture ${place} is not plain RGB, and the processor's \`do_convert_rgb\` is false. Convert the picture, or set \`do_convert_rgb\` to true.`,
    });
  }
  return toRgb(image, transparency);
}

const isList = (entry: unknown): entry is readonly ImageSource[] => Array.isArray(entry);

/** A flat list of pictures. */
export function flatImages(images: readonly ImageSource[] | readonly (readonly ImageSource[])[]): ImageSource[] {
  const flat = images.flatMap((entry) => (isList(entry) ? [...entry] : [entry as ImageSource]));
  if (flat.length === 0)
    throw new ImageError({ code: 'image-invalid', message: 'There is no picture to process. Give at least one.' });
  return flat;
}

/** A list of pictures for each sample; a flat list is one sample. */
export function nestedImages(images: readonly ImageSource[] | readonly (readonly ImageSource[])[]): ImageSource[][] {
  const lists = images.filter(isList);
  if (lists.length !== 0 && lists.length !== images.length) {
    throw new ImageError({
      code: 'image-invalid',
      message: 'Give either a list of pictures or a list of lists, not both mixed.',
    });
  }
  const nested = lists.length === 0 ? [[...(images as readonly ImageSource[])]] : lists.map((list) => [...list]);
  if (nested.every((sample) => sample.length === 0))
    throw new ImageError({ code: 'image-invalid', message: 'There is no picture to process. Give at least one.' });
  return nested;
}
