import type { RandomAccessSource } from './random-access';
import { SafetensorsError } from './safetensors-error';

/** A Blob, such as a file that a person chose in the browser, as a source. */
export function blobSource({
  blob,
  label,
}: {
  blob: Blob;
  /** What errors call it. */
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
