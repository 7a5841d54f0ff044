import { ModelFolderError } from '@subtext/nn';
import type { SafetensorsFile } from '@subtext/safetensors';
import { tf } from '@subtext/tensor';

import type { AdapterNames, CheckpointParts } from './checkpoint-parts';

/** Where a weight lies as GPT-2's Conv1D does, `[input, output]`: an adapter's product is turned before it is added. */
const isTransposed = (module: string) => /(?:^|\.)(?:c_attn|c_proj|c_fc)$/.test(module);

type Entry = ReturnType<SafetensorsFile['entry']>;

/**
 * A checkpoint as a file of the thinking model alone: tensors by transformers' names, with the adapters added to their
 * weights, `W + α/r · B · A` (LoRA, arXiv 2106.09685), in float32.
 */
export class ReleaseWeights implements SafetensorsFile {
  readonly names: readonly string[];
  readonly metadata = {};
  readonly #file: SafetensorsFile;
  readonly #path: string;
  readonly #parts: CheckpointParts;
  readonly #alpha: number;
  /** The sum read last: those who read it in parts come back for the next part. */
  #sum: { name: string; data: Promise<Float32Array> } | null = null;

  constructor({
    file,
    path,
    parts,
    alpha,
  }: {
    /** Closed with this one. */
    file: SafetensorsFile;
    path: string;
    parts: CheckpointParts;
    /** Of the adapters: α. */
    alpha: number;
  }) {
    this.#file = file;
    this.#path = path;
    this.#parts = parts;
    this.#alpha = alpha;
    this.names = [...parts.model.keys()];
    for (const module of parts.adapters.keys())
      if (!parts.model.has(`${module}.weight`))
        throw new ModelFolderError({
          code: 'missing-tensor',
          path,
          message: `it has an adapter for ${module}, whose weight is missing.`,
        });
  }

  has(name: string): boolean {
    return this.#parts.model.has(name);
  }

  entry(name: string): Entry {
    const entry = this.#file.entry(this.#source(name));
    if (this.#adapter(name) === undefined) return entry;
    const count = entry.shape.reduce((product, length) => product * length, 1);
    return { ...entry, dtype: 'F32', byteLength: 4 * count };
  }

  async read(name: string): ReturnType<SafetensorsFile['read']> {
    const adapter = this.#adapter(name);
    if (adapter === undefined) return this.#file.read(this.#source(name));
    const { dtype, shape } = this.entry(name);
    return { dtype, shape, data: await this.#merged(name, adapter) };
  }

  async readFloat32(
    name: string,
    options: { into?: Float32Array } | { into: Float32Array; from: number } = {},
  ): Promise<Float32Array> {
    const adapter = this.#adapter(name);
    if (adapter === undefined) return this.#file.readFloat32(this.#source(name), options);
    const data = await this.#merged(name, adapter);
    const { into } = options;
    const from = 'from' in options ? options.from : 0;
    if (into === undefined) return data;
    into.set(data.subarray(from, from + into.length));
    if (from + into.length >= data.length) this.#sum = null;
    return into;
  }

  location(name: string): ReturnType<SafetensorsFile['location']> {
    return this.#adapter(name) === undefined ? this.#file.location(this.#source(name)) : null;
  }

  async close(): Promise<void> {
    this.#sum = null;
    await this.#file.close();
  }

  /** An unknown name is left to the file to refuse. */
  #source(name: string): string {
    return this.#parts.model.get(name) ?? name;
  }

  #adapter(name: string): AdapterNames | undefined {
    return name.endsWith('.weight') ? this.#parts.adapters.get(name.slice(0, -'.weight'.length)) : undefined;
  }

  async #merged(name: string, adapter: AdapterNames): Promise<Float32Array> {
    if (this.#sum?.name !== name) this.#sum = { name, data: this.#merge(name, adapter) };
    return this.#sum.data;
  }

  async #merge(name: string, { a, b }: AdapterNames): Promise<Float32Array> {
    const shapeOf = (source: string) => this.#file.entry(source).shape;
    const shape = this.#file.entry(this.#source(name)).shape;
    const [down, up] = [shapeOf(a), shapeOf(b)];
    const transposed = isTransposed(name.slice(0, -'.weight'.length));
    const [output, input] = transposed ? [shape[1], shape[0]] : [shape[0], shape[1]];
    const rank = down[0]!;
    if (shape.length !== 2 || down.join() !== [rank, input].join() || up.join() !== [output, rank].join())
      throw new ModelFolderError({
        code: 'shape-mismatch',
        path: this.#path,
        message: `${name} is [${shape.join(', ')}], and its adapter [${down.join(', ')}] and [${up.join(', ')}], which do not fit.`,
      });
    const numbers = async (source: string, size: readonly number[]) =>
      tf.tensor2d(await this.#file.readFloat32(source), size as [number, number]);
    const inputs = [await numbers(this.#source(name), shape), await numbers(a, down), await numbers(b, up)] as const;
    const sum = tf.tidy(() => {
      const [weight, lower, upper] = inputs;
      const product = transposed ? tf.matMul(lower, upper, true, true) : tf.matMul(upper, lower);
      return tf.add(weight, tf.mul(product, this.#alpha / rank));
    });
    tf.dispose([...inputs]);
    return (await sum.data().finally(() => sum.dispose())) as Float32Array;
  }
}
