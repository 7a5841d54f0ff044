import type { DecodedPicture } from './decoded-image';

const orientationTag = 0x0112;

/** The entry `Orientation` of an EXIF block; undefined where there is none that can be read. */
function exifOrientation(block: Uint8Array): number | undefined {
  const header = String.fromCharCode(...block.subarray(0, 6)) === 'Exif\0\0' ? 6 : 0;
  const view = new DataView(block.buffer, block.byteOffset + header, block.byteLength - header);
  if (view.byteLength < 8) return undefined;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const start = view.getUint32(4, little);
  if (start + 2 > view.byteLength) return undefined;
  const entries = view.getUint16(start, little);
  for (let entry = 0, at = start + 2; entry < entries && at + 12 <= view.byteLength; entry += 1, at += 12) {
    if (view.getUint16(at, little) !== orientationTag) continue;
    if (view.getUint32(at + 4, little) !== 1) return 1;
    const type = view.getUint16(at + 2, little);
    if (type === 3) return view.getUint16(at + 8, little);
    if (type === 4) return view.getUint32(at + 8, little);
    return type === 1 ? view.getUint8(at + 8) : undefined;
  }
  return undefined;
}

/** How an image is to be turned, 1 to 8, by its EXIF block or, as Pillow does, by its XMP text where EXIF is silent. */
export function readOrientation(options: { exif?: Uint8Array; xmp?: Uint8Array }): number {
  const { exif, xmp } = options;
  const given = exif === undefined ? undefined : exifOrientation(exif);
  const found =
    given ??
    Number(
      /tiff:Orientation(?:="|>)([0-9])/.exec(
        xmp === undefined ? '' : Buffer.from(xmp.buffer, xmp.byteOffset, xmp.byteLength).toString('latin1'),
      )?.[1] ?? 1,
    );
  return found >= 1 && found <= 8 ? found : 1;
}

/** The image turned upright. */
export function turnUpright(picture: DecodedPicture, orientation: number): DecodedPicture {
  if (orientation === 1) return picture;
  const { data, width, height, channels } = picture;
  const turned = orientation >= 5;
  const [toWidth, toHeight] = turned ? [height, width] : [width, height];
  // From the left or the right, from the top or the bottom, of the file's own axes.
  const right = [2, 3, 7, 8].includes(orientation);
  const bottom = [3, 4, 6, 7].includes(orientation);
  const out = new Uint8Array(data.length);
  for (let y = 0, at = 0; y < toHeight; y += 1) {
    for (let x = 0; x < toWidth; x += 1) {
      const [across, down] = turned ? [y, x] : [x, y];
      const from = ((bottom ? height - 1 - down : down) * width + (right ? width - 1 - across : across)) * channels;
      for (let channel = 0; channel < channels; channel += 1, at += 1) out[at] = data[from + channel]!;
    }
  }
  return { ...picture, data: out, width: toWidth, height: toHeight };
}
