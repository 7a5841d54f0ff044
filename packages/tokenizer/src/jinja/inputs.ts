import { type CallInputs, fault, Float, numeric, typeName, Undefined, undefinedFault } from './values';

/** Arguments of a filter, test or method, positional or by keyword. */
export class Arguments {
  readonly #what: string;
  readonly #positional: readonly unknown[];
  readonly #named: Map<string, unknown>;

  constructor(what: string, inputs: CallInputs, names: readonly string[]) {
    this.#what = what;
    this.#positional = inputs.positional;
    this.#named = new Map(inputs.named);
    if (inputs.positional.length > names.length)
      throw fault(`${what} takes ${names.length} arguments, not ${inputs.positional.length}`);
    names.forEach((name, index) => {
      if (index >= inputs.positional.length) return;
      if (this.#named.has(name)) throw fault(`${what} got ${name} twice`);
      this.#named.set(name, this.#positional[index]);
    });
    for (const name of this.#named.keys()) if (!names.includes(name)) throw fault(`${what} has no argument ${name}`);
  }

  has(name: string): boolean {
    return this.#named.has(name);
  }

  /** An argument, or its default; required if there is no default. */
  get(name: string, ...otherwise: unknown[]): unknown {
    if (this.#named.has(name)) return this.#named.get(name);
    if (otherwise.length === 0) throw fault(`${this.#what} needs ${name}`);
    return otherwise[0];
  }

  text(name: string, ...otherwise: string[]): string {
    const value = this.get(name, ...otherwise);
    if (value instanceof Undefined) throw undefinedFault(value);
    if (typeof value !== 'string') throw fault(`${this.#what}: ${name} must be str, not ${typeName(value)}`);
    return value;
  }

  whole(name: string, ...otherwise: number[]): number {
    const value = this.get(name, ...otherwise);
    if (value instanceof Undefined) throw undefinedFault(value);
    const number = numeric(value);
    if (number === undefined || value instanceof Float)
      throw fault(`${this.#what}: ${name} must be int, not ${typeName(value)}`);
    return number;
  }
}
