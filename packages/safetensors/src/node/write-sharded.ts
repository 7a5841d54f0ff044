import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AtomicFile, syncFolder } from '@subtext/core/node';
import { dtypeByteSizes } from '../dtype';
import { elementCount } from '../header';
import { pairs, type Named, type TensorDeclaration, type TensorToWrite } from '../plan';
import { quoted, SafetensorsError } from '../safetensors-error';
import { fileError, typed } from './file-source';
import { TensorWriter, type TensorParts } from './tensor-writer';
import { wholeTensors } from './write';

interface Shard {
  tensors: [string, TensorDeclaration][];
  byteLength: number;
}

/** Result of `writeShardedSafetensors`. */
export interface WrittenShards {
  /** Names of the weight files in the folder, in order. */
  files: string[];
  /** Name of the index in the folder; undefined if there is a single weight file. */
  index: string | undefined;
  /** Total size of all tensors, in bytes. */
  totalBytes: number;
}

/**
 * Writes a model's tensors to a folder in the layout of transformers: a single `model.safetensors` if they fit,
 * otherwise `model-00001-of-0000N.safetensors` and `model.safetensors.index.json`.
 *
 * Every file is written under a temporary name and flushed before any is renamed. The index is renamed last, and then
 * weight files of an earlier save under the same `name` are deleted.
 *
 * @param options.folder output folder; created if needed
 * @param options.tensors tensors by name, with `data`, or without it if `parts` supplies the elements
 * @param options.parts the elements, as for `writeSafetensorsStream`. Default: the tensors' own data
 * @param options.maximumShardBytes maximum bytes of tensors per file; a larger tensor gets its own file. @default 5e9
 * @param options.metadata key–value pairs for each file's `__metadata__`. @default { format: 'pt' }, which transformers requires
 * @param options.beforePublish called once all files are on disk and before any is renamed, to remove what refers to the
 *   old files. Default: nothing
 * @param options.name prefix of the file names. @default 'model'
 * @throws SafetensorsError as `writeSafetensorsStream`
 */
export async function writeShardedSafetensors(
  options: {
    folder: string;
    maximumShardBytes?: number;
    metadata?: Readonly<Record<string, string>>;
    name?: string;
    beforePublish?: () => Promise<void>;
  } & (
    { tensors: Named<TensorToWrite>; parts?: undefined } | { tensors: Named<TensorDeclaration>; parts: TensorParts }
  ),
): Promise<WrittenShards> {
  const { folder, maximumShardBytes = 5e9, metadata = { format: 'pt' }, name = 'model' } = options;
  if (!(maximumShardBytes > 0)) {
    throw new SafetensorsError({
      code: 'invalid-tensor',
      message: `maximumShardBytes is ${maximumShardBytes}; it must be positive`,
    });
  }
  const shards = divide(pairs<TensorDeclaration>(options.tensors), maximumShardBytes);
  const files = shards.map((_, index) =>
    shards.length === 1 ? `${name}.safetensors` : shardName(name, index, shards.length),
  );
  const index = shards.length === 1 ? undefined : `${name}.safetensors.index.json`;
  const totalBytes = shards.reduce((sum, shard) => sum + shard.byteLength, 0);
  const parts = options.parts ?? wholeTensors(pairs(options.tensors));
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw fileError(cause, folder, 'make');
  }

  const unpublished: { publish(): Promise<void>; discard(): Promise<void> }[] = [];
  try {
    const writerOf = new Map<string, TensorWriter>();
    const writers: TensorWriter[] = [];
    for (const [position, { tensors }] of shards.entries()) {
      const writer = await TensorWriter.create({ path: join(folder, files[position]!), tensors, metadata });
      unpublished.push(writer);
      writers.push(writer);
      for (const [tensorName] of tensors) writerOf.set(tensorName, writer);
    }
    for await (const part of parts) {
      const writer = writerOf.get(part.name);
      if (writer === undefined) {
        throw new SafetensorsError({
          code: 'invalid-tensor',
          message: `tensor ${quoted(part.name)} was not declared`,
          path: folder,
        });
      }
      await writer.write(part);
    }
    for (const writer of writers) await writer.finish();
    if (index !== undefined) {
      const file = await typed(AtomicFile.create({ path: join(folder, index) }));
      unpublished.push(file);
      await typed(file.write(indexBytes({ shards, files, totalBytes }), 0));
      await typed(file.flush());
    }
    await options.beforePublish?.();
    for (const file of unpublished) await typed(file.publish());
  } catch (error) {
    for (const file of unpublished) await file.discard();
    throw error;
  }
  await removeEarlier(folder, name, new Set([...files, ...(index === undefined ? [] : [index])]));
  await typed(syncFolder(folder));
  return { files, index, totalBytes };
}

/** Fills one file after another in the given order, as huggingface_hub does. */
function divide(tensors: readonly (readonly [string, TensorDeclaration])[], maximumShardBytes: number): Shard[] {
  const shards: Shard[] = [{ tensors: [], byteLength: 0 }];
  const seen = new Set<string>();
  for (const [name, declaration] of tensors) {
    if (seen.has(name))
      throw new SafetensorsError({ code: 'duplicate-name', message: `two tensors are named ${quoted(name)}` });
    seen.add(name);
    // An unknown dtype counts as 0 bytes here; `planFile` rejects it by name.
    const byteLength = elementCount(declaration.shape, name) * (dtypeByteSizes[declaration.dtype] ?? 0);
    let shard = shards.at(-1)!;
    if (shard.tensors.length > 0 && shard.byteLength + byteLength > maximumShardBytes) {
      shard = { tensors: [], byteLength: 0 };
      shards.push(shard);
    }
    shard.tensors.push([name, declaration]);
    shard.byteLength += byteLength;
  }
  return shards;
}

function shardName(name: string, index: number, count: number): string {
  const number = (value: number): string => String(value).padStart(5, '0');
  return `${name}-${number(index + 1)}-of-${number(count)}.safetensors`;
}

function indexBytes(options: { shards: readonly Shard[]; files: readonly string[]; totalBytes: number }): Uint8Array {
  const { shards, files, totalBytes } = options;
  // Built by hand: as object keys, names that look like integers would lose their order.
  const lines = shards.flatMap(({ tensors }, index) =>
    tensors.map(([name]) => `    ${JSON.stringify(name)}: ${JSON.stringify(files[index])}`),
  );
  const text = `{\n  "metadata": {\n    "total_size": ${totalBytes}\n  },\n  "weight_map": {\n${lines.join(',\n')}\n  }\n}\n`;
  return new TextEncoder().encode(text);
}

/** Deletes weight files of an earlier save that were not replaced: a reader might take them for current. */
async function removeEarlier(folder: string, name: string, current: ReadonlySet<string>): Promise<void> {
  const prefix = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const ours = new RegExp(`^${prefix}(-\\d{5}-of-\\d{5})?\\.safetensors(\\.index\\.json)?$`);
  for (const file of await readdir(folder)) {
    if (ours.test(file) && !current.has(file)) await rm(join(folder, file), { force: true });
  }
}
