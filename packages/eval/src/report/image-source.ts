import { EvaluationError } from '../errors';

/** A picture that is put into the page itself. */
export interface ReportImage {
  /** The file's bytes (PNG, JPEG, GIF or WebP), or a `data:image/…;base64,` address. */
  data: Uint8Array | string;
  /** What the picture shows, for those who cannot see it. */
  alternativeText: string;
  /** Keeps the pixels sharp when a small picture is enlarged. @default false */
  pixelated?: boolean;
}

const signatures: [mediaType: string, test: (bytes: Uint8Array) => boolean][] = [
  ['image/png', (bytes) => starts(bytes, [0x89, 0x50, 0x4e, 0x47])],
  ['image/jpeg', (bytes) => starts(bytes, [0xff, 0xd8, 0xff])],
  ['image/gif', (bytes) => starts(bytes, [0x47, 0x49, 0x46, 0x38])],
  ['image/webp', (bytes) => starts(bytes, [0x52, 0x49, 0x46, 0x46]) && starts(bytes.subarray(8), [0x57, 0x45, 0x42, 0x50])],
];

/**
 * The picture as a data address.
 *
 * @throws EvaluationError invalid-image for an address outside the page or bytes of another format.
 */
export function imageSource(image: ReportImage): string {
  if (typeof image.data === 'string') {
    if (!/^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*$/.test(image.data)) {
      throw new EvaluationError({
        code: 'invalid-image',
        message: `A report's picture ("${image.alternativeText}") must be bytes or a base64 data address of PNG, JPEG, GIF or WebP, so that the page stands alone; got "${image.data.slice(0, 40)}".`,
      });
    }
    return image.data;
  }
  const bytes = image.data;
  const mediaType = signatures.find(([, test]) => test(bytes))?.[0];
  if (mediaType === undefined) {
    throw new EvaluationError({
      code: 'invalid-image',
      message: `A report's picture ("${image.alternativeText}", ${bytes.byteLength} bytes) is no PNG, JPEG, GIF or WebP; encode it first.`,
    });
  }
  return `data:${mediaType};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}`;
}

/** Whether bytes begin as a picture that a report can show. */
export function isReportPicture(bytes: Uint8Array): boolean {
  return signatures.some(([, test]) => test(bytes));
}

function starts(bytes: Uint8Array, prefix: number[]): boolean {
  return prefix.every((byte, index) => bytes[index] === byte);
}
