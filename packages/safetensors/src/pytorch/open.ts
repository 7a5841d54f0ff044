import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { requireLittleEndian } from '../dtype';
import { fileError, fileSource } from '../node/file-source';
import { openSafetensors } from '../node/open';
import { openIndex } from '../node/sharded-file';
import type { RandomAccessSource } from '../random-access';
import { SafetensorsError } from '../safetensors-error';
import { openSafetensorsFrom, withPath, type SafetensorsFile } from '../safetensors-file';
import { readLegacy } from './legacy-file';
import { placeTensors } from './place-tensors';
import { PytorchFile } from './pytorch-file';
import { stateDict } from './state-dict';
import { findTorchGlobal, loadStorage } from './torch-globals';
import { unpickle } from './unpickle';
import { type StoredFile, ZipDirectory } from './zip-directory';

/** Maximum size of a pickle, in bytes; the names and shapes of 100,000 tensors take a third of it. */
const maximumPickleBytes = 64 * 2 ** 20;

const indexName = 'pytorch_model.bin.index.json';
const fileName = 'pytorch_model.bin';

/**
 * Opens a PyTorch checkpoint for reading, in either format of `torch.save` (a zip archive since 1.6, a sequence of
 * pickles before): names and shapes are read and validated now, tensors when requested. The pickle is interpreted by a
 * restricted unpickler that builds only dictionaries of tensors; no code in the file is run.
 *
 * @param path a checkpoint of any name (`.bin`, `.pt`, `.pth`, `checkpoint_33`), a `pytorch_model.bin.index.json`, or a
 *   folder with one of them
 * @throws SafetensorsError `not-found`, `input-output`, `truncated`, `invalid-archive`, `invalid-pickle`,
 *   `forbidden-class`, `duplicate-name`, `invalid-shape`, `invalid-offsets`, `invalid-index`, `unsupported-platform`
 */
export async function openPytorch({ path }: { path: string }): Promise<SafetensorsFile> {
  const file = await checkpointFile(path);
  if (file.endsWith('.json'))
    return openIndex(file, {
      suffix: '.bin',
      open: async (shard) => openPytorchFrom(await fileSource({ path: shard })),
    });
  return openPytorchFrom(await fileSource({ path: file }));
}

/**
 * Opens safetensors or PyTorch weights. In a folder with both, safetensors is preferred, as in transformers. The format of
 * a file is detected from its first bytes, not from its name.
 *
 * @throws SafetensorsError as `openSafetensors` and `openPytorch`
 */
export async function openWeights({ path }: { path: string }): Promise<SafetensorsFile> {
  const names = await namesIn(path);
  if (names === null) {
    if (path.endsWith('.bin.index.json')) return openPytorch({ path });
    if (path.endsWith('.json')) return openSafetensors({ path });
    const source = await fileSource({ path });
    return (await isPytorch(source)) ? openPytorchFrom(source) : openSafetensorsFrom(source);
  }
  const hasSafetensors = names.some((name) => /^(?:adapter_)?model\.safetensors(?:\.index\.json)?$/.test(name));
  const hasPytorch = names.includes(fileName) || names.includes(indexName);
  return hasPytorch && !hasSafetensors ? openPytorch({ path }) : openSafetensors({ path });
}

/** Names of the files in a folder; null for a file. */
async function namesIn(path: string): Promise<string[] | null> {
  try {
    return (await stat(path)).isDirectory() ? await readdir(path) : null;
  } catch (cause) {
    throw fileError(cause, path, 'open');
  }
}

async function checkpointFile(path: string): Promise<string> {
  const names = await namesIn(path);
  if (names === null) return path;
  const found = [fileName, indexName].find((name) => names.includes(name));
  if (found !== undefined) return join(path, found);
  throw new SafetensorsError({ code: 'not-found', message: `the folder has no ${fileName} or ${indexName}`, path });
}

const isZip = (head: Uint8Array) => head[0] === 0x50 && head[1] === 0x4b && head[2] === 0x03 && head[3] === 0x04;

/** Whether a file starts like one of `torch.save`: with a zip archive, or a pickle of protocol 2. */
async function isPytorch(source: RandomAccessSource): Promise<boolean> {
  const head = await headOf(source);
  // A safetensors file starts with the length of its header, whose fourth byte is below 6.
  return isZip(head) || (head[0] === 0x80 && head[1] === 2 && head[2] === 0x8a);
}

async function headOf(source: RandomAccessSource): Promise<Uint8Array> {
  const head = new Uint8Array(4);
  if (source.byteLength >= head.length) await source.read({ position: 0, into: head });
  return head;
}

/** Like `openPytorch`, over any source. Closes the source if opening fails. */
export async function openPytorchFrom(source: RandomAccessSource): Promise<SafetensorsFile> {
  try {
    requireLittleEndian();
    const head = await headOf(source);
    if (isZip(head)) return await openArchive(source);
    if (head[0] === 0x80) {
      const { value, storages } = await readLegacy(source, maximumPickleBytes);
      return new PytorchFile(source, placeTensors({ tensors: stateDict(value), storages }));
    }
    throw new SafetensorsError({
      code: 'invalid-archive',
      message: 'it is not a PyTorch checkpoint: it starts with neither a zip archive nor a pickle',
    });
  } catch (error) {
    await source.close();
    throw withPath(error, source.label);
  }
}

async function openArchive(source: RandomAccessSource): Promise<SafetensorsFile> {
  const directory = await ZipDirectory.read(source);
  const pickles = [...directory.names].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1)
    throw new SafetensorsError({
      code: 'invalid-archive',
      message: `it is a zip archive with ${pickles.length} data.pkl files; torch.save writes exactly one`,
    });
  const folder = pickles[0]!.slice(0, -'data.pkl'.length);
  const order = await directory.bytes(`${folder}byteorder`, 16);
  if (order !== undefined && new TextDecoder().decode(order).trim() !== 'little')
    throw new SafetensorsError({
      code: 'unsupported-platform',
      message: 'it was written on a big-endian machine, which is not supported',
    });
  const { value } = unpickle({
    bytes: (await directory.bytes(pickles[0]!, maximumPickleBytes))!,
    findGlobal: findTorchGlobal,
    persistentLoad: loadStorage,
  });
  const tensors = stateDict(value);
  const storages = new Map<string, StoredFile>();
  for (const { storage } of tensors.values()) {
    if (storages.has(storage.key)) continue;
    const file = await directory.find(`${folder}data/${storage.key}`);
    if (file !== undefined) storages.set(storage.key, file);
  }
  return new PytorchFile(source, placeTensors({ tensors, storages }));
}
