/** What went wrong with a picture or with the file that says how to prepare it. */
export type ImageErrorCode =
  /** no file at the path given */
  | 'image-missing'
  /** the bytes are not a picture that can be decoded, or they end too early */
  | 'image-unreadable'
  /** a JPEG or WebP, and the package that decodes them is not installed */
  | 'image-decoder-missing'
  /** more pixels than the limit */
  | 'image-too-large'
  /** a raw picture whose data, width and height do not belong together, or a picture that this processor cannot take */
  | 'image-invalid'
  /** `preprocessor_config.json` is missing or is not JSON */
  | 'processor-config-missing'
  /** `preprocessor_config.json` asks for something that is not honoured, or holds a value of the wrong form */
  | 'processor-config-unsupported';

/** A picture could not be read or prepared. `code` says why; the message says what, where and what to do. */
export class ImageError extends Error {
  override readonly name = 'ImageError';

  constructor(
    readonly code: ImageErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
