import { tf } from '../tensorflow';
import { storedNumbers, weightDtype } from '../engines/weight-dtypes';
import { TensorError } from '../errors';

/** A selection of parameters: an exact name, a regular expression, or a predicate. */
export type ParameterPattern = string | RegExp | ((name: string) => boolean);

/**
 * An ordered map from names to variables: a model's weights. Names are chosen by the caller (as in a safetensors file) and
 * need not be unique across models.
 */
export class Parameters {
  readonly #variables = new Map<string, tf.Variable>();

  /**
   * Adds a parameter and takes ownership of `value`: the tensor is disposed, and the variable reuses its memory.
   *
   * @throws TensorError `duplicate-parameter`
   */
  add<R extends tf.Rank = tf.Rank>({
    name,
    value,
    trainable = true,
  }: {
    name: string;
    value: tf.Tensor<R>;
    /** @default true */ trainable?: boolean;
  }): tf.Variable<R> {
    if (this.#variables.has(name)) {
      throw new TensorError({ code: 'duplicate-parameter', message: `Parameters: '${name}' exists already.` });
    }
    const variable = tf.variable(value, trainable) as tf.Variable<R>;
    value.dispose();
    this.#variables.set(name, variable);
    return variable;
  }

  /** @throws TensorError `unknown-parameter`, suggesting similar names */
  get<R extends tf.Rank = tf.Rank>(name: string): tf.Variable<R> {
    const variable = this.#variables.get(name);
    if (!variable) {
      const last = name.split('.').at(-1)!;
      const similar = this.names()
        .filter((other) => other.endsWith(last))
        .slice(0, 5);
      throw new TensorError({
        code: 'unknown-parameter',
        message: `Parameters: no parameter '${name}' among ${this.size}${similar.length > 0 ? `; similar: ${similar.join(', ')}` : ''}.`,
      });
    }
    return variable as tf.Variable<R>;
  }

  has(name: string): boolean {
    return this.#variables.has(name);
  }

  /** Names in insertion order. */
  names(): string[] {
    return [...this.#variables.keys()];
  }

  entries(): [name: string, variable: tf.Variable][] {
    return [...this.#variables.entries()];
  }

  /** The trainable parameters, in order. */
  trainable(): [name: string, variable: tf.Variable][] {
    return this.entries().filter(([, variable]) => variable.trainable);
  }

  /** Freezes the matching parameters; returns their number. */
  freeze(pattern: ParameterPattern = () => true): number {
    return this.#setTrainable(pattern, false);
  }

  /**
   * Makes the matching parameters trainable; returns their number.
   *
   * @throws TensorError `invalid-option` for a weight stored in fewer bits than float32
   */
  unfreeze(pattern: ParameterPattern = () => true): number {
    return this.#setTrainable(pattern, true);
  }

  /** Removes and disposes a parameter. */
  remove(name: string): void {
    this.get(name).dispose();
    this.#variables.delete(name);
  }

  get size(): number {
    return this.#variables.size;
  }

  /** Total number of elements of all parameters. */
  get elementCount(): number {
    return this.entries().reduce((sum, [, variable]) => sum + variable.size, 0);
  }

  /** Total size of all parameters as stored, in bytes. */
  get byteLength(): number {
    return this.entries().reduce(
      (sum, [, variable]) =>
        sum + (storedNumbers(variable)?.bytes ?? variable.size * tf.util.bytesPerElement(variable.dtype)),
      0,
    );
  }

  dispose(): void {
    for (const variable of this.#variables.values()) {
      variable.dispose();
    }
    this.#variables.clear();
  }

  #setTrainable(pattern: ParameterPattern, trainable: boolean): number {
    const matches =
      typeof pattern === 'string'
        ? (name: string) => name === pattern
        : pattern instanceof RegExp
          ? (name: string) => name.search(pattern) >= 0
          : pattern;
    const chosen = this.entries().filter(([name]) => matches(name));
    const [fixed] = trainable ? chosen.filter(([, variable]) => weightDtype(variable) !== 'float32') : [];
    if (fixed !== undefined)
      throw new TensorError({
        code: 'invalid-option',
        message: `Parameters: '${fixed[0]}' is stored as ${weightDtype(fixed[1])} and cannot train. Train an adapter (LoRA), or load the model as float32.`,
      });
    for (const [, variable] of chosen) {
      variable.trainable = trainable;
    }
    return chosen.length;
  }
}
