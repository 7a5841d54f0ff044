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

/** What `writeShardedSafetensors` wrote. */
export interface WrittenShards {
  /** The weight files' names within the folder, in order. */
  files: string[];
  /** The index's name within the folder; undefined where one file holds everything. */
  index: string | undefined;
  /** Bytes of all tensors. */
  totalBytes: number;
}

/**
 * Writes a model's tensors into a folder as transformers lays them out: `model.safetensors` where one file will do,
 * else `model-00001-of-0000N.safetensors` and `model.safetensors.index.json`.
 *
 * Every file is written under a temporary name and flushed before any gets its own; the index comes last, and weight
 * files of an earlier save under the same `name` are removed after it.
 *
 * @param options.folder the folder; made if need be
 * @param options.tensors tensors by name, with `data`, or without where `parts` brings it
 * @param options.parts the elements, as for `writeSafetensorsStream`. Default: the tensors' own data
 * @param options.maximumShardBytes most bytes of tensors in a file; a larger tensor has a file of its own. @default 5e9
 * @param options.metadata text pairs for each file's `__metadata__`. @default { format: 'pt' }, which transformers wants
 * @param options.beforePublish called once all files are on the disk and before any gets its name, to take away what
 *   speaks of the files that were there. Default: nothing
 * @param options.name what the files' names start with. @default 'model'
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

/** Fills one file after the other in the order given, as huggingface_hub's split does. */
function divide(tensors: readonly (readonly [string, TensorDeclaration])[], maximumShardBytes: number): Shard[] {
  const shards: Shard[] = [{ tensors: [], byteLength: 0 }];
  const seen = new Set<string>();
  for (const [name, declaration] of tensors) {
    if (seen.has(name))
      throw new SafetensorsError({ code: 'duplicate-name', message: `two tensors are named ${quoted(name)}` });
    seen.add(name);
    // An unknown dtype counts as nothing here; the file's plan refuses it by name.
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
  // Lines by hand: as the keys of an object, names that look like numbers would lose their order.
  const lines = shards.flatMap(({ tensors }, index) =>
    tensors.map(([name]) => `    ${JSON.stringify(name)}: ${JSON.stringify(files[index])}`),
  );
  const text = `{\n  "metadata": {\n    "total_size": ${totalBytes}\n  },\n  "weight_map": {\n${lines.join(',\n')}\n  }\n}\n`;
  return new TextEncoder().encode(text);
}

/** Removes weight files of an earlier save that the new ones did not replace: a reader might take them for current. */
async function removeEarlier(folder: string, name: string, current: ReadonlySet<string>): Promise<void> {
  const prefix = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const ours = new RegExp(`^${prefix}(-\\d{5}-of-\\d{5})?\\.safetensors(\\.index\\.json)?$`);
  for (const file of await readdir(folder)) {
    if (ours.test(file) && !current.has(file)) await rm(join(folder, file), { force: true });
  }
}
