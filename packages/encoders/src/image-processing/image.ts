import { ImageError } from './image-error';

/** An image in memory: row-major from the top left, channels last, values 0 … 255. */
export interface RawImage {
  /** `height · width · channels` bytes */
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  /** 1: grey, 3: RGB, 4: RGBA. @default 3 */
  channels?: 1 | 3 | 4;
}

/** An image: the path of a file, the bytes of a file, or pixels in memory. */
export type ImageSource = string | Uint8Array | RawImage;

/** An image decoded to eight bits per channel. */
export interface DecodedImage {
  /** `height · width · channels` bytes */
  data: Uint8Array;
  width: number;
  height: number;
  channels: 3 | 4;
  /** False if the file has grey, palette, CMYK or transparent pixels. */
  isPlainRgb: boolean;
}

/** 89,478,485 pixels: Pillow's limit for its decompression bomb warning. */
export const defaultMaximumPixels = 89_478_485;

/**
 * Decodes an image (PNG, JPEG, WebP, GIF) like Pillow: applies the EXIF orientation, ignores embedded colour profiles,
 * truncates 16-bit channels to their high byte, converts CMYK to RGB by Pillow's formula, and uses the first frame of
 * animations. Files are decoded by `@subtext/data`, as in training and evaluation.
 *
 * @throws {ImageError} `image-missing`, `image-broken`, `image-decoder-missing`, `image-too-large`, `image-invalid`
 */
export async function decodeImage(options: {
  source: ImageSource;
  /** Maximum number of pixels. @default 89,478,485 */
  maximumPixels?: number;
}): Promise<DecodedImage> {
  const { source, maximumPixels = defaultMaximumPixels } = options;
  if (typeof source !== 'string' && !(source instanceof Uint8Array)) return fromRawImage(source, maximumPixels);
  // Loaded on demand: raw pixels need no decoder.
  const { DataError, decodePicture, loadPicture } = await import('@subtext/data');
  try {
    if (typeof source === 'string') return await loadPicture({ path: source, maximumPixels });
    return await decodePicture({ bytes: source, maximumPixels });
  } catch (cause) {
    if (!DataError.isInstance(cause)) throw cause;
    const place = typeof source === 'string' ? source : `${source.byteLength} bytes in memory`;
    if (cause.code === 'image-missing')
      throw new ImageError({
        code: 'image-missing',
        message: `There is no image at ${place}. Check the path.`,
        cause,
      });
    if (cause.code === 'image-decoder-missing')
      throw new ImageError({
        code: 'image-decoder-missing',
        message: `The image ${place} can't be decoded here. ${cause.message}`,
        cause,
      });
    if (cause.code === 'image-too-large') throw tooLarge(place, maximumPixels, cause);
    throw new ImageError({
      code: 'image-broken',
      message: `The image ${place} cannot be decoded: ${cause.message} Give a complete PNG, JPEG, WebP or GIF file.`,
      cause,
    });
  }
}

function tooLarge(place: string, maximumPixels: number, cause?: unknown): ImageError {
  return new ImageError({
    code: 'image-too-large',
    message: `The image ${place} has more than ${maximumPixels} pixels. Make it smaller, or raise \`maximumPixels\` if you trust it.`,
    cause,
  });
}

function fromRawImage(image: RawImage, maximumPixels: number): DecodedImage {
  const { data, width, height, channels = 3 } = image;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new ImageError({
      code: 'image-invalid',
      message: 'An image must be a path, the bytes of a file, or { data: Uint8Array, width, height }.',
    });
  }
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new ImageError({
      code: 'image-invalid',
      message: `A raw image needs a width and height of at least 1; it has ${width} × ${height}.`,
    });
  }
  if (width * height > maximumPixels) throw tooLarge(`of ${width} × ${height} pixels`, maximumPixels);
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new ImageError({
      code: 'image-invalid',
      message: `A raw image has 1, 3 or 4 channels, not ${String(channels)}.`,
    });
  }
  if (data.length !== width * height * channels) {
    throw new ImageError({
      code: 'image-invalid',
      message: `A raw image of ${width} × ${height} with ${channels} channels needs ${width * height * channels} bytes; it has ${data.length}.`,
    });
  }
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (channels === 1) return { data: greyToColour(bytes), width, height, channels: 3, isPlainRgb: false };
  return { data: bytes, width, height, channels, isPlainRgb: channels === 3 };
}

/** Converts grey to three channels. */
function greyToColour(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length * 3);
  for (const [pixel, value] of bytes.entries()) out.fill(value, pixel * 3, pixel * 3 + 3);
  return out;
}

/**
 * Converts a decoded image to three channels.
 *
 * @param transparency `drop` keeps the colours under transparent pixels, like Pillow's `convert('RGB')`;
 *   `white` blends with a white background, like Mllama's processor.
 */
export function toRgb(image: DecodedImage, transparency: 'drop' | 'white'): DecodedImage {
  if (image.channels === 3) return image;
  const count = image.width * image.height;
  const out = new Uint8Array(count * 3);
  for (let pixel = 0; pixel < count; pixel += 1) {
    const alpha = transparency === 'drop' ? 255 : image.data[pixel * 4 + 3]!;
    for (let channel = 0; channel < 3; channel += 1) {
      // Pillow's alpha_composite over an opaque background: 7 fraction bits, then Pillow's division by 255.
      const front = alpha * 128;
      const mixed = image.data[pixel * 4 + channel]! * front + 255 * (255 * 128 - front) + (0x80 << 7);
      out[pixel * 3 + channel] = alpha === 255 ? image.data[pixel * 4 + channel]! : (((mixed >> 8) + mixed) >> 8) >> 7;
    }
  }
  return { ...image, data: out, channels: 3 };
}
