import { quoted, SafetensorsError } from '../safetensors-error';
import { PickleBytes, invalid } from './pickle-bytes';

/** A class or function named in a pickle. Without `call` it is only a name, such as a storage type. */
export interface PickleGlobal {
  readonly module: string;
  readonly name: string;
  /** Replaces the call with these arguments. */
  readonly call?: (args: readonly unknown[]) => unknown;
}

/** Resolves a global of a pickle: undefined for anything not known to be harmless. */
export type FindGlobal = (module: string, name: string) => PickleGlobal | undefined;

export interface UnpickleOptions {
  /** The pickle, possibly followed by other data. */
  bytes: Uint8Array;
  /** Start of the pickle. Default 0. */
  position?: number;
  findGlobal: FindGlobal;
  /** Resolves a persistent id to an object. */
  persistentLoad: (id: unknown) => unknown;
}

/** Marks the position on the stack where the arguments of a later opcode begin. */
const mark = Symbol('mark');

/** The pickle virtual machine, restricted to containers, numbers, text and the given globals. */
class Unpickler {
  readonly #in: PickleBytes;
  readonly #findGlobal: FindGlobal;
  readonly #persistentLoad: (id: unknown) => unknown;
  readonly #memo = new Map<number, unknown>();
  #stack: unknown[] = [];

  constructor({ bytes, position = 0, findGlobal, persistentLoad }: UnpickleOptions) {
    this.#in = new PickleBytes(bytes, position);
    this.#findGlobal = findGlobal;
    this.#persistentLoad = persistentLoad;
  }

  run(): { value: unknown; end: number } {
    for (;;) {
      const code = this.#in.uint8();
      if (code === 0x2e) return { value: this.#pop(), end: this.#in.position };
      this.#step(code);
    }
  }

  #pop(): unknown {
    if (this.#stack.length === 0) throw invalid('pops from an empty stack');
    const value = this.#stack.pop();
    if (value === mark) throw invalid('pops a mark as a value');
    return value;
  }

  #top(): unknown {
    const value = this.#stack.at(-1);
    if (this.#stack.length === 0 || value === mark) throw invalid('has no container to add to');
    return value;
  }

  /** Pops the values above the last mark, and the mark. */
  #aboveMark(): unknown[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw invalid('has no mark on the stack');
    const values = this.#stack.splice(at);
    values.shift();
    return values;
  }

  #push(value: unknown): void {
    this.#stack.push(value);
  }

  #append(values: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw invalid('appends to something other than a list');
    for (const value of values) list.push(value);
  }

  #set(values: readonly unknown[]): void {
    const map = this.#top();
    if (!(map instanceof Map) || values.length % 2 !== 0)
      throw invalid('sets items of something other than a dictionary');
    for (let index = 0; index < values.length; index += 2) map.set(values[index], values[index + 1]);
  }

  #global(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string')
      throw invalid('names a class by something other than a string');
    const found = this.#findGlobal(module, name);
    if (found === undefined)
      throw new SafetensorsError({
        code: 'forbidden-class',
        message:
          `it asks for ${quoted(`${module}.${name}`)}, which is not a tensor: nothing of the file was run. ` +
          'Only dictionaries of tensors are supported; save model.state_dict() instead, or use safetensors',
      });
    this.#push(found);
  }

  #call(): void {
    const args = this.#pop();
    const callee = this.#pop() as PickleGlobal | null;
    if (!Array.isArray(args) || typeof callee !== 'object' || callee?.call === undefined)
      throw invalid('calls something other than a function');
    this.#push(callee.call(args));
  }

  #get(index: number): void {
    if (!this.#memo.has(index)) throw invalid(`reads memo ${index}, which was never written`);
    this.#push(this.#memo.get(index));
  }

  #tuple(count: number): void {
    const values = Array.from({ length: count }, () => this.#pop());
    this.#push(values.reverse());
  }

  #step(code: number): void {
    const input = this.#in;
    switch (code) {
      // The protocol version and frames are irrelevant here.
      case 0x80:
        if (input.uint8() > 5) throw invalid('has an unknown protocol version');
        return;
      case 0x95:
        input.uint64();
        return;
      case 0x28:
        return this.#push(mark);
      case 0x30:
        if (this.#stack.length === 0) throw invalid('copies from an empty stack');
        this.#stack.pop();
        return;
      case 0x31:
        this.#aboveMark();
        return;
      case 0x32:
        return this.#push(this.#top());
      case 0x4e:
        return this.#push(null);
      case 0x88:
        return this.#push(true);
      case 0x89:
        return this.#push(false);
      case 0x4a:
        return this.#push(input.int32());
      case 0x4b:
        return this.#push(input.uint8());
      case 0x4d:
        return this.#push(input.uint16());
      case 0x8a:
        return this.#push(input.long(input.uint8()));
      case 0x8b:
        return this.#push(input.long(input.uint32()));
      case 0x47:
        return this.#push(input.float64());
      case 0x58:
        return this.#push(input.text(input.uint32()));
      case 0x8c:
        return this.#push(input.text(input.uint8()));
      case 0x8d:
        return this.#push(input.text(input.uint64()));
      // Python 2 strings: names of tensors.
      case 0x55:
        return this.#push(input.text(input.uint8()));
      case 0x54:
        return this.#push(input.text(input.uint32()));
      case 0x43:
        return this.#push(input.raw(input.uint8()));
      case 0x42:
        return this.#push(input.raw(input.uint32()));
      case 0x8e:
        return this.#push(input.raw(input.uint64()));
      case 0x5d:
        return this.#push([]);
      case 0x7d:
        return this.#push(new Map());
      case 0x29:
        return this.#push([]);
      case 0x85:
        return this.#tuple(1);
      case 0x86:
        return this.#tuple(2);
      case 0x87:
        return this.#tuple(3);
      case 0x74:
      case 0x6c:
        return this.#push(this.#aboveMark());
      case 0x64: {
        const values = this.#aboveMark();
        this.#push(new Map());
        return this.#set(values);
      }
      case 0x61:
        return this.#append([this.#pop()]);
      case 0x65:
        return this.#append(this.#aboveMark());
      case 0x73: {
        const value = this.#pop();
        return this.#set([this.#pop(), value]);
      }
      case 0x75:
        return this.#set(this.#aboveMark());
      case 0x71:
        this.#memo.set(input.uint8(), this.#top());
        return;
      case 0x72:
        this.#memo.set(input.uint32(), this.#top());
        return;
      case 0x94:
        this.#memo.set(this.#memo.size, this.#top());
        return;
      case 0x68:
        return this.#get(input.uint8());
      case 0x6a:
        return this.#get(input.uint32());
      case 0x63:
        return this.#global(input.line(), input.line());
      case 0x93: {
        const name = this.#pop();
        return this.#global(this.#pop(), name);
      }
      case 0x52:
      case 0x81:
        return this.#call();
      case 0x51:
        return this.#push(this.#persistentLoad(this.#pop()));
      // Attributes of an OrderedDict, such as the module versions in `_metadata`.
      case 0x62: {
        this.#pop();
        if (!(this.#top() instanceof Map)) throw invalid('sets attributes of something other than a dictionary');
        return;
      }
      default:
        throw invalid(`has the opcode 0x${code.toString(16).padStart(2, '0')}, which no checkpoint needs`);
    }
  }
}

/**
 * Reads one pickle without running anything: dictionaries become maps, lists and tuples become arrays, and only the
 * classes that `findGlobal` allows are built. Work and memory are proportional to the number of bytes.
 *
 * @returns the object, and the end of the pickle
 * @throws SafetensorsError `forbidden-class`, `invalid-pickle`, `truncated`
 */
export function unpickle(options: UnpickleOptions): { value: unknown; end: number } {
  return new Unpickler(options).run();
}
