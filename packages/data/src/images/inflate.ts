import { Readable } from 'node:stream';
import { createInflate, inflateSync } from 'node:zlib';

/** Inflates zlib's bytes at once; undefined where they are broken, or give more than is allowed. */
export function inflateWhole({
  parts,
  maximumBytes,
}: {
  parts: readonly Uint8Array[];
  maximumBytes: number;
}): Uint8Array | undefined {
  try {
    return inflateSync(parts.length === 1 ? parts[0]! : Buffer.concat(parts), { maxOutputLength: maximumBytes });
  } catch {
    return undefined;
  }
}

/** Inflates zlib's bytes piece by piece. Throws at what is broken. */
export function inflatePieces(parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  return Readable.from(parts, { objectMode: true }).pipe(createInflate()) as AsyncIterable<Uint8Array>;
}
