import { printable } from '@subtext/core';
import type { SafetensorsFile } from '@subtext/safetensors';
import { openWeights } from '@subtext/safetensors/pytorch';
import { tf, type WeightDtype } from '@subtext/tensor';
import { access } from 'node:fs/promises';
import { join } from 'node:path';

import { ModelFolderError } from './model-folder-error';
import type { ModelStructure, ParameterDeclaration } from './parameter-scope';
import { TensorReader } from './tensor-reader';

export interface LoadWeightsOptions {
  /** The model's declarations: the tensors that the folder must contain, with their shapes. */
  structure: ModelStructure;
  /** A folder with model.safetensors or pytorch_model.bin, or the index of a sharded one. */
  folder: string;
  /** Use this file instead of the folder, which is then only named in errors; closed afterwards. */
  file?: SafetensorsFile;
  /** Maps tensor names in the file to ours; null drops the tensor. Default: unchanged. */
  rename?: (name: string) => string | null;
  /** Names (after renaming) of tensors to ignore: buffers, weights of unused heads. */
  ignore?: readonly RegExp[];
  /**
   * Tied tensors (output embeddings), each with the name of its original. Either may be in the file. If both are, they
   * must be equal, and one is dropped; otherwise an error is thrown, because the config says that they are tied.
   */
  duplicates?: ReadonlyMap<string, string>;
  /** Whether the loaded variables are trainable. Default true. */
  trainable?: boolean;
  /**
   * Parameters stored in a quantized or 16-bit dtype, by name; these are not trainable. The others are float32. Default
   * none.
   */
  dtypes?: ReadonlyMap<string, WeightDtype>;
  /** Called once the file is known to match the structure, before anything is read; may throw. */
  onMatched?: () => void;
  /** Called after each tensor is loaded. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

const weightFiles = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];
const otherFormats = ['tf_model.h5', 'flax_model.msgpack', 'model.gguf'];

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Opens a folder's weights, preferring safetensors to PyTorch files. Throws if there are none. */
async function openFolder(folder: string): Promise<SafetensorsFile> {
  const found = await Promise.all(weightFiles.map((name) => exists(join(folder, name))));
  if (!found.includes(true)) {
    const others = (
      await Promise.all(otherFormats.map(async (name) => ((await exists(join(folder, name))) ? name : null)))
    ).filter((name) => name !== null);
    const hint =
      others.length > 0
        ? `It has ${others.join(', ')}: convert it with transformers (model.save_pretrained(folder, safe_serialization=True)).`
        : 'A model folder holds config.json and model.safetensors, or model.safetensors.index.json and its shards.';
    throw new ModelFolderError({
      code: 'not-found',
      path: folder,
      message: `has no ${weightFiles.join(' or ')}. ${hint}`,
    });
  }
  return openWeights({ path: folder });
}

const listed = (names: readonly string[]) =>
  `${printable(names.slice(0, 12).join(', '))}${names.length > 12 ? ` and ${names.length - 12} more` : ''}`;
const shapeText = (shape: readonly number[]) => `[${shape.join(', ')}]`;

/** Matches the file's tensors to parameters; throws an error listing all missing, unexpected or wrongly shaped ones. */
function matchTensors(
  { structure, folder, rename = (name) => name, ignore = [], duplicates = new Map() }: LoadWeightsOptions,
  file: SafetensorsFile,
): {
  matched: Map<ParameterDeclaration, string>;
  /** Pairs of names in the file that must hold equal tensors. */
  repeated: [string, string][];
} {
  const sources = new Map<string, string>();
  let repeats: [string, string][] = [];
  const unexpected: string[] = [];
  const twice: string[] = [];
  for (const name of file.names) {
    const own = rename(name);
    if (own === null) continue;
    const original = duplicates.get(own);
    if (structure.declarations.has(own)) {
      const other = sources.get(own);
      if (other !== undefined) twice.push(`${other} and ${name}`);
      sources.set(own, name);
    } else if (original !== undefined) repeats.push([name, original]);
    else if (!ignore.some((pattern) => pattern.test(own))) unexpected.push(name);
  }
  if (twice.length > 0) {
    throw new ModelFolderError({
      code: 'unexpected-tensor',
      path: folder,
      message: `the weights hold the same parameter under two names: ${listed(twice)}. Remove one of them.`,
    });
  }
  // A tied weight may be saved under its other name only.
  repeats = repeats.filter(([name, original]) => {
    if (sources.has(original)) return true;
    sources.set(original, name);
    return false;
  });
  const missing = [...structure.declarations.keys()].filter((name) => !sources.has(name));
  if (missing.length > 0) {
    const untied =
      missing.length === 1 && missing[0] === 'lm_head.weight'
        ? ' If the output layer is the token embedding, set "tie_word_embeddings": true.'
        : '';
    const rest = unexpected.length > 0 ? ` Not expected there: ${listed(unexpected)}.` : '';
    throw new ModelFolderError({
      code: 'missing-tensor',
      path: folder,
      message: `the weights lack ${missing.length} of the ${structure.declarations.size} tensors that config.json asks for: ${listed(missing)}.${rest}${untied} Do the config and the weights belong together?`,
    });
  }
  if (unexpected.length > 0) {
    throw new ModelFolderError({
      code: 'unexpected-tensor',
      path: folder,
      message: `the weights hold ${unexpected.length} tensors that config.json does not account for: ${listed(unexpected)}. Leaving them out would change the model.`,
    });
  }
  const matched = new Map<ParameterDeclaration, string>();
  const misshaped: string[] = [];
  for (const declaration of structure.declarations.values()) {
    const source = sources.get(declaration.name) as string;
    const { shape } = file.entry(source);
    if (shape.length !== declaration.shape.length || shape.some((size, axis) => size !== declaration.shape[axis])) {
      misshaped.push(`${source} is ${shapeText(shape)} where config.json asks for ${shapeText(declaration.shape)}`);
    }
    matched.set(declaration, source);
  }
  if (misshaped.length > 0) {
    throw new ModelFolderError({
      code: 'shape-mismatch',
      path: folder,
      message: `${misshaped.slice(0, 12).join('; ')}${misshaped.length > 12 ? `; and ${misshaped.length - 12} more` : ''}.`,
    });
  }
  return { matched, repeated: repeats.map(([name, original]) => [name, sources.get(original) as string]) };
}

/** Throws if two tensors that the config ties are not equal. */
async function checkRepeated({
  file,
  folder,
  repeated,
}: {
  file: SafetensorsFile;
  folder: string;
  repeated: readonly [string, string][];
}): Promise<void> {
  for (const [name, original] of repeated) {
    const [own, other] = await Promise.all([file.read(name), file.read(original)]);
    const bytes = ({ data }: typeof own) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    if (!bytes(own).equals(bytes(other))) {
      throw new ModelFolderError({
        code: 'unexpected-tensor',
        path: folder,
        message: `${name} differs from ${original}, though config.json ties them (tie_word_embeddings). Set "tie_word_embeddings": false if they are meant to differ, or remove ${name}.`,
      });
    }
  }
}

/**
 * Loads parameters from a Hugging Face folder, one tensor at a time, as float32 or quantized, using only a few
 * megabytes beyond the weights. Nothing is loaded unless every tensor matches.
 */
export async function loadWeights(options: LoadWeightsOptions): Promise<void> {
  const { structure, folder, trainable = true, dtypes = new Map<string, WeightDtype>(), onProgress } = options;
  const file = options.file ?? (await openFolder(folder));
  try {
    const { matched, repeated } = matchTensors(options, file);
    options.onMatched?.();
    await checkRepeated({ file, folder, repeated });
    const inMemory = [...matched.keys()].filter(({ name }) => (dtypes.get(name) ?? 'float32') === 'float32');
    const reader = new TensorReader({
      file,
      total: inMemory.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
    });
    const sizeOf = (source: string) => file.entry(source).byteLength;
    const largestFirst = [...matched].sort(([, one], [, other]) => sizeOf(other) - sizeOf(one));
    const values = new Map<ParameterDeclaration, tf.Tensor>();
    try {
      for (const [declaration, source] of largestFirst) {
        const dtype = dtypes.get(declaration.name) ?? 'float32';
        const { shape } = declaration;
        const value =
          dtype === 'float32'
            ? await reader.read({ name: source, shape })
            : await reader.store({ name: source, shape: shape as [number, number], dtype });
        values.set(declaration, value);
        onProgress?.({ loaded: values.size, total: matched.size });
      }
    } catch (error) {
      tf.dispose([...values.values()]);
      throw error;
    }
    for (const declaration of matched.keys()) {
      const trains = trainable && (dtypes.get(declaration.name) ?? 'float32') === 'float32';
      structure.parameters.add({ name: declaration.name, value: values.get(declaration)!, trainable: trains });
    }
  } finally {
    await file.close();
  }
}
