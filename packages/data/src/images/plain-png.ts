import { inflateSync } from 'node:zlib';
import { crc32, pngSignature } from './encode-png';
import type { DecodedImage } from './decoded-image';

/**
 * Decodes the plainest PNGs, those `encodePng` writes: 8-bit colour, not interlaced, no filters, no further chunks.
 * Ten times as fast as a general decoder on small pictures, of which a training set has thousands.
 * @returns undefined for any other file, whole or broken: a general decoder judges those
 */
export function decodePlainPng(bytes: Uint8Array): DecodedImage | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 57 || pngSignature.some((byte, index) => bytes[index] !== byte)) return undefined;
  const chunks: { name: string; start: number; end: number }[] = [];
  for (let at = 8; at < bytes.length; ) {
    if (at + 12 > bytes.length) return undefined;
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length || view.getUint32(end) !== crc32(bytes, at + 4, end)) return undefined;
    chunks.push({ name: String.fromCharCode(...bytes.subarray(at + 4, at + 8)), start: at + 8, end });
    at = end + 4;
  }
  const [header, body] = chunks;
  if (chunks.map((chunk) => chunk.name).join(' ') !== 'IHDR IDAT IEND' || header!.end - header!.start !== 13) return undefined;
  const width = view.getUint32(header!.start);
  const height = view.getUint32(header!.start + 4);
  const [depth, colour, compression, filter, interlace] = bytes.subarray(header!.start + 8, header!.end);
  if (depth !== 8 || colour !== 2 || compression !== 0 || filter !== 0 || interlace !== 0) return undefined;

  const rowBytes = width * 3;
  let rows: Uint8Array;
  try {
    rows = inflateSync(bytes.subarray(body!.start, body!.end), { maxOutputLength: height * (rowBytes + 1) });
  } catch {
    return undefined;
  }
  if (width === 0 || height === 0 || rows.length !== height * (rowBytes + 1)) return undefined;
  const data = new Uint8Array(height * rowBytes);
  for (let row = 0; row < height; row += 1) {
    const start = row * (rowBytes + 1);
    if (rows[start] !== 0) return undefined;
    data.set(rows.subarray(start + 1, start + 1 + rowBytes), row * rowBytes);
  }
  return { data, width, height };
}
