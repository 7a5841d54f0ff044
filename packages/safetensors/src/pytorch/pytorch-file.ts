import { bytesOf, dtypeByteSizes, storageArray, type StorageArray } from '../dtype';
import { toFloat32 } from '../float-conversion';
import type { RandomAccessSource } from '../random-access';
import { quoted, SafetensorsError } from '../safetensors-error';
import { allocate, type SafetensorsFile, SourceFile, type TensorData, type TensorLocation } from '../safetensors-file';
import type { PlacedTensors, StridedTensor } from './place-tensors';

/**
 * An open PyTorch checkpoint. Contiguous tensors are read as in a safetensors file; for others the storage range that they
 * span is read into memory and gathered.
 */
export class PytorchFile implements SafetensorsFile {
  readonly #whole: SourceFile;
  readonly #source: RandomAccessSource;
  readonly #strided: ReadonlyMap<string, StridedTensor>;
  /** The tensor gathered last, cached for callers that read it in parts. */
  #gathered: { name: string; data: Promise<StorageArray> } | null = null;

  constructor(source: RandomAccessSource, { header, strided }: PlacedTensors) {
    this.#whole = new SourceFile(source, header, 0);
    this.#source = source;
    this.#strided = strided;
  }

  get names(): readonly string[] {
    return this.#whole.names;
  }

  get metadata(): Readonly<Record<string, string>> {
    return this.#whole.metadata;
  }

  has(name: string): boolean {
    return this.#whole.has(name);
  }

  entry(name: string): ReturnType<SafetensorsFile['entry']> {
    return this.#whole.entry(name);
  }

  async read(name: string, options: { into?: StorageArray } = {}): Promise<TensorData> {
    const strided = this.#strided.get(name);
    if (strided === undefined) return this.#whole.read(name, options);
    const { into } = options;
    const { byteLength } = this.entry(name);
    if (into !== undefined && into.byteLength !== byteLength)
      throw this.#misfit(name, `the destination has ${into.byteLength} bytes, the tensor ${byteLength}`);
    const data = await this.#gather(name, strided);
    this.#gathered = null;
    if (into !== undefined) bytesOf(into).set(bytesOf(data));
    const { dtype, shape } = strided;
    return { dtype, shape: [...shape], data: into ?? data };
  }

  async readFloat32(name: string, options: { into?: Float32Array; from?: number } = {}): Promise<Float32Array> {
    const strided = this.#strided.get(name);
    if (strided === undefined) return this.#whole.readFloat32(name, options as { into?: Float32Array });
    const data = await this.#gather(name, strided);
    const { into = new Float32Array(allocate(4 * data.length, this.#source.label)), from = 0 } = options;
    const end = options.from === undefined ? data.length : from + into.length;
    if (!Number.isInteger(from) || from < 0 || end > data.length || end - from !== into.length)
      throw this.#misfit(name, `${into.length} numbers from index ${from} on are not among its ${data.length}`);
    if (strided.dtype === 'F32') into.set((data as Float32Array).subarray(from, end));
    else toFloat32({ dtype: strided.dtype, data: data.subarray(from, end) as StorageArray, into, offset: 0 });
    if (end === data.length) this.#gathered = null;
    return into;
  }

  location(name: string): TensorLocation | null {
    const location = this.#whole.location(name);
    return this.#strided.has(name) ? null : location;
  }

  async close(): Promise<void> {
    this.#gathered = null;
    await this.#whole.close();
  }

  async #gather(name: string, strided: StridedTensor): Promise<StorageArray> {
    // Throws if the file was closed.
    this.#whole.location(name);
    if (this.#gathered?.name !== name) this.#gathered = { name, data: this.#readStrided(strided) };
    return this.#gathered.data;
  }

  async #readStrided({ dtype, shape, strides, begin, span }: StridedTensor): Promise<StorageArray> {
    const size = dtypeByteSizes[dtype];
    const bytes = new Uint8Array(allocate(span * size, this.#source.label));
    await this.#source.read({ position: begin, into: bytes });
    const from = storageArray(dtype, bytes);
    const count = shape.reduce((product, length) => product * length, 1);
    const data = storageArray(dtype, new Uint8Array(allocate(count * size, this.#source.label)));
    const last = shape.length - 1;
    const index = new Array<number>(shape.length).fill(0);
    let at = 0;
    for (let to = 0; to < count;) {
      for (let step = 0; step < shape[last]!; step++) data[to++] = from[at + step * strides[last]!] as never;
      // Advance to the next row, like an odometer.
      for (let axis = last - 1; axis >= 0; axis--) {
        at += strides[axis]!;
        if (++index[axis]! < shape[axis]!) break;
        at -= index[axis]! * strides[axis]!;
        index[axis] = 0;
      }
    }
    return data;
  }

  #misfit(name: string, message: string): SafetensorsError {
    return new SafetensorsError({
      code: 'invalid-tensor',
      message: `${quoted(name)}: ${message}`,
      path: this.#source.label,
    });
  }
}
