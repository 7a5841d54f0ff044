import { tf } from '../../tensorflow';
import { forgetStored, noteStored, storedNumbers, type StoredNumbers } from '../weight-dtypes';
import type { WasmBackend } from './kernels/wasm-backend';

interface Entry {
  id: number;
  memoryOffset: number | null;
  shape: number[];
  dtype: tf.DataType;
  refCount: number;
}

/** The parts of the backend that count references to a tensor's data. */
interface CountingBackend extends Omit<WasmBackend, 'dataIdMap' | 'wasm'> {
  dataIdNextNumber: number;
  dataIdMap: {
    get(dataId: object): Entry;
    set(dataId: object, entry: Entry): void;
    delete(dataId: object): boolean;
  };
  wasm: WasmBackend['wasm'] & { tfjs: { registerTensor(id: number, size: number, offset: number): void } };
  refCount(dataId: object): number;
  disposeData(dataId: object, force?: boolean): boolean;
}

/**
 * Adds support for tensors whose data an engine stores elsewhere in fewer bits. The engine's kernels read it there; any
 * other access widens it into ordinary tensor memory, where it then stays.
 *
 * @returns a function that creates such a tensor
 */
export function allowStoredTensors(given: WasmBackend): (numbers: StoredNumbers) => tf.Tensor2D {
  const backend = given as unknown as CountingBackend;
  const { dataIdMap, wasm } = backend;
  const entryOf = dataIdMap.get.bind(dataIdMap);
  const original = {
    incRef: backend.incRef.bind(backend),
    refCount: backend.refCount.bind(backend),
    disposeData: backend.disposeData.bind(backend),
    readSync: backend.readSync.bind(backend),
  };
  const widened = (numbers: StoredNumbers) => {
    const values = new Float32Array(tf.util.sizeFromShape([...numbers.shape]));
    numbers.widen(values);
    return values;
  };

  /** Widens a stored weight into the backend's memory. */
  function bringIn(dataId: object, numbers: StoredNumbers): Entry {
    const size = tf.util.sizeFromShape([...numbers.shape]);
    const address = wasm._malloc(4 * size) >>> 0;
    numbers.widen(new Float32Array(wasm.HEAPU8.buffer, address, size));
    const entry = entryOf(dataId);
    entry.id = backend.dataIdNextNumber++;
    entry.memoryOffset = address;
    wasm.tfjs.registerTensor(entry.id, size, address);
    forgetStored(dataId);
    numbers.free();
    return entry;
  }

  dataIdMap.get = (dataId) => {
    const numbers = storedNumbers({ dataId });
    return numbers === undefined ? entryOf(dataId) : bringIn(dataId, numbers);
  };
  backend.incRef = (dataId) => {
    if (storedNumbers({ dataId }) === undefined) original.incRef(dataId);
    else entryOf(dataId).refCount++;
  };
  backend.refCount = (dataId) =>
    storedNumbers({ dataId }) === undefined ? original.refCount(dataId) : entryOf(dataId).refCount;
  backend.readSync = (dataId, start = 0, end) => {
    const numbers = storedNumbers({ dataId });
    return numbers === undefined ? original.readSync(dataId, start, end) : widened(numbers).subarray(start, end);
  };
  backend.disposeData = (dataId, force = false) => {
    const numbers = storedNumbers({ dataId });
    if (numbers === undefined) return original.disposeData(dataId, force);
    if (--entryOf(dataId).refCount > 0 && !force) return false;
    dataIdMap.delete(dataId);
    forgetStored(dataId);
    numbers.free();
    return true;
  };

  return (numbers) => {
    const dataId = {};
    const shape: [number, number] = [...numbers.shape];
    dataIdMap.set(dataId, { id: 0, memoryOffset: null, shape, dtype: 'float32', refCount: 1 });
    noteStored(dataId, numbers);
    return tf
      .engine()
      .makeTensorFromTensorInfo(
        { dataId, shape, dtype: 'float32' },
        given as unknown as tf.KernelBackend,
      ) as tf.Tensor2D;
  };
}
