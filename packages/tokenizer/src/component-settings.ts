import { TokenizerError, unsupported } from './tokenizer-error';
import { isObject, type ComponentConfiguration } from './tokenizer-file';

/** Reads and validates the settings of one component of tokenizer.json. */
export class ComponentSettings {
  readonly #values: Record<string, unknown>;
  readonly #what: string;

  constructor(values: Record<string, unknown>, what: string) {
    this.#values = values;
    this.#what = what;
  }

  /** Raw value of a setting; undefined if missing or null. */
  raw(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined;
  }

  text(name: string, ...otherwise: (string | undefined)[]): string {
    return this.optionalText(name) ?? this.#otherwise(name, otherwise);
  }

  optionalText(name: string): string | undefined {
    const value = this.raw(name);
    if (value !== undefined && typeof value !== 'string') throw this.#wrong(name, 'a text');
    return value;
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.raw(name);
    if (value !== undefined && typeof value !== 'boolean') throw this.#wrong(name, 'true or false');
    return value ?? otherwise;
  }

  whole(name: string, ...otherwise: (number | undefined)[]): number {
    return this.optionalWhole(name) ?? this.#otherwise(name, otherwise);
  }

  optionalWhole(name: string): number | undefined {
    const value = this.raw(name);
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) >= 0))
      throw this.#wrong(name, 'a whole number');
    return value as number | undefined;
  }

  list(name: string): unknown[] {
    const value = this.raw(name) ?? [];
    if (!Array.isArray(value)) throw this.#wrong(name, 'a list');
    return value as unknown[];
  }

  /** Components of a sequence. */
  components(name: string): ComponentConfiguration[] {
    return this.list(name).map((value) => {
      if (!isObject(value) || typeof value['type'] !== 'string')
        throw this.#wrong(name, 'a list of objects with a "type"');
      return value as ComponentConfiguration;
    });
  }

  /** `{ "String": … }` or `{ "Regex": … }` */
  pattern(name: string): { text: string } | { expression: string } {
    const value = this.raw(name);
    // Older files have just a string.
    if (typeof value === 'string') return { text: value };
    if (isObject(value)) {
      if (typeof value['String'] === 'string') return { text: value['String'] };
      if (typeof value['Regex'] === 'string') return { expression: value['Regex'] };
    }
    if (value === undefined) throw unsupported(`${this.#what} without a ${name}`);
    throw this.#wrong(name, 'an object with "String" or "Regex"');
  }

  #otherwise<Value>(name: string, values: (Value | undefined)[]): Value {
    const [value] = values;
    if (value === undefined) throw this.#wrong(name, 'there');
    return value;
  }

  #wrong(name: string, kind: string): TokenizerError {
    return new TokenizerError({
      code: 'invalid-file',
      message: `tokenizer.json: "${name}" of ${this.#what} is not ${kind}`,
    });
  }
}
