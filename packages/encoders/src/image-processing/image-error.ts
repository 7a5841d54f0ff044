import { SubtextError } from '@subtext/core';

/** What went wrong with a picture or with the file that says how to prepare it. */
export type ImageErrorCode =
  /** no file at the path given */
  | 'image-missing'
  /** the bytes are not a picture that can be decoded, or they end too early */
  | 'image-broken'
  /** a JPEG or WebP, and the package that decodes them is not installed */
  | 'image-decoder-missing'
  /** more pixels than the limit */
  | 'image-too-large'
  /** a raw picture whose data, width and height do not belong together, or a picture that this processor cannot take */
  | 'image-invalid'
  /** there is no `preprocessor_config.json` */
  | 'processor-config-missing'
  /** `preprocessor_config.json` cannot be read, or is not a JSON object */
  | 'processor-config-invalid'
  /** `preprocessor_config.json` asks for something that is not honoured, or holds a value of the wrong form */
  | 'processor-config-unsupported';

/** A picture could not be read or prepared. `code` says why; the message says what, where and what to do. */
export class ImageError extends SubtextError<ImageErrorCode> {
  override readonly name = 'ImageError';

  /** True for errors of this class from any copy of the package. */
  static override isInstance(error: unknown): error is ImageError {
    return SubtextError.isInstance(error) && error.name === 'ImageError';
  }
}
