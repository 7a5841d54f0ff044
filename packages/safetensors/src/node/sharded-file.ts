import { dirname, join } from 'node:path';
import { readTextFile } from '@subtext/core/node';
import type { StorageArray } from '../dtype';
import type { TensorEntry } from '../header';
import { JsonScanner } from '../json-scanner';
import {
  openSafetensorsFrom,
  unknownTensor,
  withPath,
  type SafetensorsFile,
  type TensorData,
  type TensorLocation,
} from '../safetensors-file';
import { quoted, SafetensorsError } from '../safetensors-error';
import { fileError, fileSource } from './file-source';

/** Maximum size of an index, in bytes. */
const maximumIndexBytes = 256 * 2 ** 20;

/** The files of a sharded model, as listed in `model.safetensors.index.json`. */
class ShardedFile implements SafetensorsFile {
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;

  readonly #path: string;
  readonly #shards: readonly SafetensorsFile[];
  readonly #shardOf: ReadonlyMap<string, SafetensorsFile>;
  constructor(path: string, shards: readonly SafetensorsFile[], shardOf: ReadonlyMap<string, SafetensorsFile>) {
    this.#path = path;
    this.#shards = shards;
    this.#shardOf = shardOf;

    this.names = shards.flatMap((shard) => shard.names.filter((name) => shardOf.get(name) === shard));
    this.metadata = Object.assign(
      Object.create(null) as Record<string, string>,
      ...shards.map((shard) => shard.metadata),
    );
  }

  has(name: string): boolean {
    return this.#shardOf.has(name);
  }

  entry(name: string): TensorEntry {
    return this.#shard(name).entry(name);
  }

  // Async, so that an unknown name rejects the promise as it does for a single file.
  async read(name: string, options?: { into?: StorageArray }): Promise<TensorData> {
    return this.#shard(name).read(name, options);
  }

  async readFloat32(
    name: string,
    options?: { into?: Float32Array } | { into: Float32Array; from: number },
  ): Promise<Float32Array> {
    return this.#shard(name).readFloat32(name, options);
  }

  location(name: string): TensorLocation | null {
    return this.#shard(name).location(name);
  }

  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  #shard(name: string): SafetensorsFile {
    const shard = this.#shardOf.get(name);
    if (shard === undefined) throw unknownTensor({ name, names: this.names, path: this.#path });
    return shard;
  }
}

/** Kind of files that an index lists. */
interface Shards {
  /** File name suffix. */
  suffix: string;
  open: (path: string) => Promise<SafetensorsFile>;
}

const safetensorsShards: Shards = {
  suffix: '.safetensors',
  open: async (path) => openSafetensorsFrom(await fileSource({ path })),
};

/** Opens every file of an index and checks that their contents match it. */
export async function openIndex(path: string, { suffix, open }: Shards = safetensorsShards): Promise<SafetensorsFile> {
  const weightMap = await readIndex(path, suffix);
  const shards = new Map<string, SafetensorsFile>();
  try {
    for (const fileName of new Set(weightMap.values())) {
      shards.set(fileName, await open(join(dirname(path), fileName)));
    }
    const shardOf = new Map<string, SafetensorsFile>();
    for (const [name, fileName] of weightMap) {
      const shard = shards.get(fileName)!;
      if (!shard.has(name)) {
        throw new SafetensorsError({
          code: 'invalid-index',
          message: `it places tensor ${quoted(name)} in ${fileName}, which has none of that name`,
          path,
        });
      }
      shardOf.set(name, shard);
    }
    const firstFile = new Map<string, string>();
    for (const [fileName, shard] of shards) {
      for (const name of shard.names) {
        const other = firstFile.get(name);
        if (other !== undefined) {
          throw new SafetensorsError({
            code: 'duplicate-name',
            message: `tensor ${quoted(name)} is in both ${other} and ${fileName}`,
            path,
          });
        }
        firstFile.set(name, fileName);
      }
    }
    return new ShardedFile(path, [...shards.values()], shardOf);
  } catch (error) {
    await Promise.all([...shards.values()].map((shard) => shard.close()));
    throw error;
  }
}

async function readIndex(path: string, suffix: string): Promise<Map<string, string>> {
  let text: string;
  try {
    text = await readTextFile({ path, maximumBytes: maximumIndexBytes });
  } catch (cause) {
    throw fileError(cause, path, 'read');
  }
  const weightMap = new Map<string, string>();
  try {
    const scanner = new JsonScanner(text);
    scanner.object('the index', (key) => {
      if (key !== 'weight_map') {
        scanner.skipValue(`the field ${quoted(key)} of the index`);
        return;
      }
      scanner.object('weight_map', (name) => weightMap.set(name, scanner.string(`the file of ${quoted(name)}`)));
    });
    scanner.end('the index');
  } catch (error) {
    if (SafetensorsError.isInstance(error) && error.code === 'invalid-header') {
      throw new SafetensorsError({ code: 'invalid-index', message: error.message, path, cause: error });
    }
    throw withPath(error, path);
  }
  if (weightMap.size === 0) {
    throw new SafetensorsError({ code: 'invalid-index', message: 'it has no weight_map with tensors', path });
  }
  for (const [name, fileName] of weightMap) {
    // Only files next to the index: an index must not reach into other folders.
    if (!/^[^/\\:\0]+$/.test(fileName) || !fileName.endsWith(suffix) || fileName === suffix) {
      throw new SafetensorsError({
        code: 'invalid-index',
        message: `tensor ${quoted(name)} is placed in ${quoted(fileName)}; expected a ${suffix} file beside the index`,
        path,
      });
    }
  }
  return weightMap;
}
