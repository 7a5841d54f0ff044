/** A browser inflates piece by piece only. */
export function inflateWhole(_options: { parts: readonly Uint8Array[]; maximumBytes: number }): undefined {
  return undefined;
}

/** Inflates zlib's bytes piece by piece. Throws at what is broken. */
export async function* inflatePieces(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  const reader = new Blob([...parts] as Uint8Array<ArrayBuffer>[])
    .stream()
    .pipeThrough(new DecompressionStream('deflate'))
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Who has all rows reads no further.
    await reader.cancel().catch(() => undefined);
  }
}
