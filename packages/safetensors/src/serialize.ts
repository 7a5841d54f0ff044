import { elementBytes, pairs, planFile, type Named, type TensorToWrite } from './plan';
import { quoted, SafetensorsError } from './safetensors-error';
import { allocate } from './safetensors-file';

/**
 * Serializes tensors to a safetensors file in memory.
 *
 * @param options.tensors tensors by name
 * @param options.metadata key–value pairs for `__metadata__`. Default: none
 * @throws SafetensorsError `invalid-tensor`, `unsupported-dtype`, `invalid-shape`, `header-too-large`
 */
export function serializeSafetensors(options: {
  tensors: Named<TensorToWrite>;
  metadata?: Readonly<Record<string, string>>;
}): Uint8Array {
  const tensors = new Map(pairs(options.tensors));
  const { head, entries, fileBytes } = planFile({ tensors: [...tensors], metadata: options.metadata });
  const file = new Uint8Array(allocate(fileBytes));
  file.set(head);
  for (const [name, { dtype, byteLength, begin, shape }] of entries) {
    const bytes = elementBytes({ name, dtype, data: tensors.get(name)!.data });
    if (bytes.byteLength !== byteLength) {
      throw new SafetensorsError({
        code: 'invalid-tensor',
        message: `tensor ${quoted(name)} of shape [${shape.join(', ')}] and dtype ${dtype} takes ${byteLength} bytes, but its data has ${bytes.byteLength}`,
      });
    }
    file.set(bytes, head.byteLength + begin);
  }
  return file;
}
