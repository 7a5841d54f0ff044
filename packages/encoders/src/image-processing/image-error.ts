import { SubtextError } from '@subtext/core';

/** Machine-readable error codes for images and processor configurations. */
export type ImageErrorCode =
  /** The file does not exist. */
  | 'image-missing'
  /** The bytes are not a decodable image, or are truncated. */
  | 'image-broken'
  /** A JPEG or WebP, but the package that decodes them is not installed. */
  | 'image-decoder-missing'
  /** The image exceeds the pixel limit. */
  | 'image-too-large'
  /** A raw image whose data does not match its width and height, or an image not supported by this processor. */
  | 'image-invalid'
  /** `preprocessor_config.json` does not exist. */
  | 'processor-config-missing'
  /** `preprocessor_config.json` cannot be read, or is not a JSON object. */
  | 'processor-config-invalid'
  /** `preprocessor_config.json` has an unsupported key or an invalid value. */
  | 'processor-config-unsupported';

/** An image could not be read or processed. `code` says why; the message says what, where and what to do. */
export class ImageError extends SubtextError<ImageErrorCode> {
  override readonly name = 'ImageError';

  /** True for errors of this class from any copy of the package. */
  static override isInstance(error: unknown): error is ImageError {
    return SubtextError.isInstance(error) && error.name === 'ImageError';
  }
}
