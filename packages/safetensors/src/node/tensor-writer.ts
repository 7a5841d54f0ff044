import { AtomicFile } from '@subtext/core/node';
import type { StorageArray } from '../dtype';
import { elementBytes, planFile, type FilePlan, type TensorDeclaration } from '../plan';
import { quoted, SafetensorsError } from '../safetensors-error';
import { typed } from './file-source';

/** A declared tensor, or the next part of one. */
export interface TensorPart {
  /** Name of a declared tensor. */
  name: string;
  /**
   * All elements, or the next of them, in row-major order, in the typed array of the dtype (or a `Float32Array` for any
   * floating-point dtype).
   */
  data: StorageArray;
}

/** Tensors, or parts of tensors, in any order. */
export type TensorParts = Iterable<TensorPart> | AsyncIterable<TensorPart>;

/** Writes declared tensors to one file as their elements arrive. */
export class TensorWriter {
  readonly #written = new Map<string, number>();

  readonly #plan: FilePlan;
  readonly #file: AtomicFile;
  private constructor(
    readonly path: string,
    plan: FilePlan,
    file: AtomicFile,
  ) {
    this.#plan = plan;
    this.#file = file;
  }

  /** Validates the declarations and creates the file. */
  static async create(options: {
    path: string;
    tensors: readonly (readonly [string, TensorDeclaration])[];
    metadata?: Readonly<Record<string, string>>;
  }): Promise<TensorWriter> {
    const plan = planFile(options);
    const file = await typed(AtomicFile.create({ path: options.path }));
    const writer = new TensorWriter(options.path, plan, file);
    try {
      await typed(file.write(plan.head, 0));
    } catch (error) {
      await file.discard();
      throw error;
    }
    return writer;
  }

  /** Writes the next elements of a tensor. */
  async write({ name, data }: TensorPart): Promise<void> {
    const entry = this.#plan.entries.get(name);
    if (entry === undefined) throw this.#misfit(name, 'was not declared');
    const bytes = elementBytes({ name, dtype: entry.dtype, data });
    const done = this.#written.get(name) ?? 0;
    if (done + bytes.byteLength > entry.byteLength) {
      throw this.#misfit(
        name,
        `takes ${entry.byteLength} bytes (${entry.dtype} of shape [${entry.shape.join(', ')}]), but its data has at least ${done + bytes.byteLength}`,
      );
    }
    await typed(this.#file.write(bytes, this.#plan.head.byteLength + entry.begin + done));
    this.#written.set(name, done + bytes.byteLength);
  }

  /** Checks that every tensor is complete and flushes the file, still under its temporary name. */
  async finish(): Promise<void> {
    for (const [name, { byteLength, dtype, shape }] of this.#plan.entries) {
      const done = this.#written.get(name) ?? 0;
      if (done !== byteLength) {
        throw this.#misfit(
          name,
          `takes ${byteLength} bytes (${dtype} of shape [${shape.join(', ')}]), but its data has ${done}`,
        );
      }
    }
    await typed(this.#file.flush());
  }

  /** Renames the finished file to its final name. */
  async publish(): Promise<void> {
    await typed(this.#file.publish());
  }

  /** Deletes the temporary file, unless it was published. */
  async discard(): Promise<void> {
    await this.#file.discard();
  }

  #misfit(name: string, message: string): SafetensorsError {
    return new SafetensorsError({
      code: 'invalid-tensor',
      message: `tensor ${quoted(name)} ${message}`,
      path: this.path,
    });
  }
}
