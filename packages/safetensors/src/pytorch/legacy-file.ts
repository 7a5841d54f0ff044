import { dtypeByteSizes, isDtype } from '../dtype';
import type { RandomAccessSource } from '../random-access';
import { allocate } from '../safetensors-file';
import { quoted, SafetensorsError } from '../safetensors-error';
import { findTorchGlobal, loadStorage, type TorchStorage } from './torch-globals';
import { unpickle } from './unpickle';
import type { StoredFile } from './zip-directory';

/** Magic number of `torch.save` files before PyTorch 1.6. */
const magic = 0x1950a86a20f9469cfc6cn;
const protocol = 1001;

const invalid = (message: string) => new SafetensorsError({ code: 'invalid-pickle', message });

/**
 * Reads a checkpoint from before PyTorch 1.6: four pickles (magic number, protocol, machine, object), a fifth with the
 * names of the storages, then each storage as an 8-byte element count followed by its elements.
 *
 * @returns the object, and the positions of its storages
 * @throws SafetensorsError `invalid-pickle`, `forbidden-class`, `truncated`, `unsupported-platform`, `unsupported-dtype`
 */
export async function readLegacy(
  source: RandomAccessSource,
  maximumPickleBytes: number,
): Promise<{ value: unknown; storages: Map<string, StoredFile> }> {
  // The length of the pickles is only known after parsing; they are far smaller than the weights.
  for (let length = 2 ** 20; ; length *= 8) {
    const whole = Math.min(source.byteLength, maximumPickleBytes);
    const bytes = new Uint8Array(allocate(Math.min(length, whole), source.label));
    await source.read({ position: 0, into: bytes });
    try {
      const { value, keys, used, end } = readPickles(bytes);
      return { value, storages: await findStorages({ source, keys, used, position: end }) };
    } catch (error) {
      if (!SafetensorsError.isInstance(error) || error.code !== 'truncated' || length >= whole) throw error;
    }
  }
}

function readPickles(bytes: Uint8Array): {
  value: unknown;
  keys: string[];
  used: ReadonlyMap<string, TorchStorage>;
  end: number;
} {
  const used = new Map<string, TorchStorage>();
  let position = 0;
  const next = (): unknown => {
    const { value, end } = unpickle({
      bytes,
      position,
      findGlobal: findTorchGlobal,
      persistentLoad: (id) => {
        const storage = loadStorage(id);
        const before = used.get(storage.key);
        if (before !== undefined && (before.dtype !== storage.dtype || before.elements !== storage.elements))
          throw invalid(`its storage ${quoted(storage.key)} is declared with two sizes`);
        used.set(storage.key, before ?? storage);
        return before ?? storage;
      },
    });
    position = end;
    return value;
  };
  if (next() !== magic || next() !== protocol) throw invalid('it is a pickle, but was not written by torch.save');
  const machine = next();
  if (machine instanceof Map && machine.get('little_endian') === false)
    throw new SafetensorsError({
      code: 'unsupported-platform',
      message: 'it was written on a big-endian machine, which is not supported',
    });
  const value = next();
  const keys = next();
  if (!Array.isArray(keys)) throw invalid('it does not list its storages');
  return { value, keys: keys.map(String), used, end: position };
}

async function findStorages({
  source,
  keys,
  used,
  position,
}: {
  source: RandomAccessSource;
  keys: readonly string[];
  used: ReadonlyMap<string, TorchStorage>;
  position: number;
}): Promise<Map<string, StoredFile>> {
  const storages = new Map<string, StoredFile>();
  const head = new Uint8Array(8);
  for (const key of keys) {
    const storage = used.get(key);
    if (storage === undefined || storages.has(key))
      throw invalid(`it lists the storage ${quoted(key)}, which no tensor uses`);
    const { dtype, elements } = storage;
    if (!isDtype(dtype))
      throw new SafetensorsError({
        code: 'unsupported-dtype',
        message: `its storage ${quoted(key)} has the unsupported dtype ${quoted(dtype)}`,
      });
    const byteLength = elements * dtypeByteSizes[dtype];
    if (position + head.length + byteLength > source.byteLength)
      throw new SafetensorsError({
        code: 'truncated',
        message: `its storage ${quoted(key)} ends at byte ${position + head.length + byteLength}; the file has ${source.byteLength}`,
      });
    await source.read({ position, into: head });
    const announced = new DataView(head.buffer).getBigUint64(0, true);
    if (announced !== BigInt(elements))
      throw invalid(`its storage ${quoted(key)} has ${announced} elements, but its tensors expect ${elements}`);
    storages.set(key, { position: position + head.length, byteLength });
    position += head.length + byteLength;
  }
  return storages;
}
