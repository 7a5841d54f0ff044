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
  [
    'image/webp',
    (bytes) => starts(bytes, [0x52, 0x49, 0x46, 0x46]) && starts(bytes.subarray(8), [0x57, 0x45, 0x42, 0x50]),
  ],
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

/** Width and height of a picture in pixels, from its head; undefined where it does not say. */
export function imageSize(image: ReportImage): { width: number; height: number } | undefined {
  const bytes =
    typeof image.data === 'string' ? Buffer.from(image.data.slice(image.data.indexOf(',') + 1), 'base64') : image.data;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const type = signatures.find(([, test]) => test(bytes))?.[0];
    if (type === 'image/png') return sized(view.getUint32(16), view.getUint32(20));
    if (type === 'image/gif') return sized(view.getUint16(6, true), view.getUint16(8, true));
    if (type === 'image/jpeg') return jpegSize(view);
    if (type === 'image/webp') return webpSize(view);
  } catch (error) {
    // A head that ends early.
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

function sized(width: number, height: number): { width: number; height: number } | undefined {
  return width > 0 && height > 0 ? { width, height } : undefined;
}

/** From the frame's segment (SOF0 to SOF15, of which C4, C8 and CC are something else). */
function jpegSize(view: DataView): { width: number; height: number } | undefined {
  for (let at = 2; view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      return sized(view.getUint16(at + 7), view.getUint16(at + 5));
  }
  return undefined;
}

function webpSize(view: DataView): { width: number; height: number } | undefined {
  const kind = view.getUint32(12);
  const whole = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  if (kind === 0x56503858) return sized(1 + whole(24), 1 + whole(27)); // VP8X
  if (kind === 0x56503820) return sized(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff); // VP8
  if (kind !== 0x5650384c) return undefined; // VP8L
  const bits = view.getUint32(21, true);
  return sized((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
}
