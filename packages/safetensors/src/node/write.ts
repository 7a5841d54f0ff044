import { dirname } from 'node:path';
import { syncFolder } from '@subtext/core/node';
import { pairs, type Named, type TensorDeclaration, type TensorToWrite } from '../plan';
import { typed } from './file-source';
import { TensorWriter, type TensorPart, type TensorParts } from './tensor-writer';

/**
 * Writes a safetensors file atomically: a temporary file is flushed to disk and renamed, and the folder is flushed. The
 * same tensors in the same order produce the same bytes.
 *
 * @param options.path output file
 * @param options.tensors tensors by name
 * @param options.metadata key–value pairs for `__metadata__`; transformers requires `{ format: 'pt' }`. Default: none
 * @throws SafetensorsError `invalid-tensor`, `unsupported-dtype`, `invalid-shape`, `header-too-large`, `not-found`,
 *   `input-output`; leaves no file behind
 */
export async function writeSafetensors(options: {
  path: string;
  tensors: Named<TensorToWrite>;
  metadata?: Readonly<Record<string, string>>;
}): Promise<void> {
  const tensors = pairs(options.tensors);
  await writeSafetensorsStream({ ...options, tensors: new Map(tensors), parts: wholeTensors(tensors) });
}

/**
 * Writes a safetensors file from a stream of tensors, so that only the current one is in memory. Otherwise like
 * `writeSafetensors`.
 *
 * @param options.path output file
 * @param options.tensors dtype and shape of each tensor, by name
 * @param options.parts the elements: tensors in any order, whole or in successive parts, for example from a generator
 * @param options.metadata key–value pairs for `__metadata__`. Default: none
 * @throws SafetensorsError as `writeSafetensors`; `invalid-tensor` also if a tensor remains incomplete
 */
export async function writeSafetensorsStream(options: {
  path: string;
  tensors: Named<TensorDeclaration>;
  parts: TensorParts;
  metadata?: Readonly<Record<string, string>>;
}): Promise<void> {
  const { path, parts, metadata } = options;
  const writer = await TensorWriter.create({ path, tensors: pairs(options.tensors), metadata });
  try {
    for await (const part of parts) await writer.write(part);
    await writer.finish();
    await writer.publish();
  } catch (error) {
    await writer.discard();
    throw error;
  }
  await typed(syncFolder(dirname(path)));
}

/** Complete tensors as parts. */
export function wholeTensors(tensors: readonly (readonly [string, TensorToWrite])[]): TensorPart[] {
  return tensors.map(([name, { data }]) => ({ name, data }));
}
