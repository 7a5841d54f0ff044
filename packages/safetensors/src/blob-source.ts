import type { RandomAccessSource } from './random-access';
import { SafetensorsError } from './safetensors-error';

/** A source over a Blob, such as a file chosen by the user in a browser. */
export function blobSource({
  blob,
  label,
}: {
  blob: Blob;
  /** Name used in error messages. */
  label?: string;
}): RandomAccessSource {
  return {
    byteLength: blob.size,
    label,
    async read({ position, into }) {
      const part = new Uint8Array(await blob.slice(position, position + into.byteLength).arrayBuffer());
      if (part.byteLength !== into.byteLength) {
        throw new SafetensorsError({
          code: 'truncated',
          message: `the file ended at byte ${position + part.byteLength}`,
          path: label,
        });
      }
      into.set(part);
    },
    close: async () => {},
  };
}
