import type { Dtype } from '../dtype';
import { quoted, SafetensorsError } from '../safetensors-error';
import type { FindGlobal, PickleGlobal } from './unpickle';

/** A storage: the data that tensors are views of. */
export class TorchStorage {
  constructor(
    /** Key of the storage in the file. */ readonly key: string,
    /** Dtype of its elements, possibly unsupported. */ readonly dtype: string,
    /** Number of elements; bytes if it is untyped. */ readonly elements: number,
  ) {}
}

/** A tensor as a pickle describes it: a view of a storage. Sizes, strides and the offset are in elements. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly dtype: string,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

const storageDtypes: Readonly<Record<string, Dtype>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

const torchDtypes: Readonly<Record<string, Dtype>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  uint64: 'U64',
  int32: 'I32',
  uint32: 'U32',
  int16: 'I16',
  uint16: 'U16',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};

const maximumRank = 64;

const malformed = (message: string) =>
  new SafetensorsError({ code: 'invalid-pickle', message: `its pickle ${message}` });

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function counts(value: unknown, what: string): number[] {
  if (!Array.isArray(value) || value.length > maximumRank || !value.every(isCount))
    throw malformed(`has a tensor whose ${what} are not a list of at most ${maximumRank} non-negative integers`);
  return value;
}

function rebuild(args: readonly unknown[], dtype?: string): TorchTensor {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof TorchStorage)) throw malformed('builds a tensor from something other than a storage');
  if (!isCount(offset)) throw malformed('has a tensor with an invalid storage offset');
  const sizes = counts(shape, 'sizes');
  const steps = counts(strides, 'strides');
  if (sizes.length !== steps.length)
    throw malformed(`has a tensor with ${sizes.length} sizes and ${steps.length} strides`);
  return new TorchTensor(storage, dtype ?? storage.dtype, offset, sizes, steps);
}

const first = (args: readonly unknown[]): unknown => {
  if (!(args[0] instanceof TorchTensor)) throw malformed('builds a parameter from something other than a tensor');
  return args[0];
};

/** Dictionaries by the list they were built from, so that a pickle that repeats one a million times builds it once. */
const made = new WeakMap<unknown[], Map<unknown, unknown>>();

/** `collections.OrderedDict`, empty or from a list of pairs. */
function orderedDictionary([pairs]: readonly unknown[]): Map<unknown, unknown> {
  if (pairs === undefined) return new Map();
  if (!Array.isArray(pairs)) throw malformed('builds a dictionary from something other than a list of pairs');
  const before = made.get(pairs);
  if (before !== undefined) return before;
  if (!pairs.every((pair) => Array.isArray(pair) && pair.length === 2))
    throw malformed('builds a dictionary from something other than a list of pairs');
  const dictionary = new Map(pairs as [unknown, unknown][]);
  made.set(pairs, dictionary);
  return dictionary;
}

/** Replacements for the Python functions that a checkpoint calls, by module and name: each only describes a tensor. */
const functions: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  'collections.OrderedDict': orderedDictionary,
  'torch._utils._rebuild_tensor': (args) => rebuild(args),
  'torch._utils._rebuild_tensor_v2': (args) => rebuild(args),
  'torch._utils._rebuild_tensor_v3': (args) => rebuild(args, dtypeName(args[6])),
  'torch._utils._rebuild_parameter': first,
  'torch._utils._rebuild_parameter_with_state': first,
  'torch.Size': ([sizes]) => counts(sizes, 'sizes'),
  // The device of a tensor is irrelevant here.
  'torch.device': () => null,
};

function dtypeName(value: unknown): string {
  const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
  if (typeof name !== 'string') throw malformed('builds a tensor of an unknown dtype');
  return Object.hasOwn(torchDtypes, name) ? torchDtypes[name]! : `torch.${name}`;
}

/** The globals that a checkpoint may use. */
export const findTorchGlobal: FindGlobal = (module, name): PickleGlobal | undefined => {
  const path = `${module}.${name}`;
  if (Object.hasOwn(functions, path)) return { module, name, call: functions[path] };
  const isStorage = /^(?:torch|torch\.storage)$/.test(module) && /^\w+Storage$/.test(name);
  const isDtype =
    module === 'torch' && (Object.hasOwn(torchDtypes, name) || /^(?:complex|float8|q?u?int)\w*$/.test(name));
  return isStorage || isDtype ? { module, name } : undefined;
};

/** Resolves a persistent id to a storage: `('storage', type, key, location, elements)`. */
export function loadStorage(id: unknown): TorchStorage {
  if (!Array.isArray(id) || id[0] !== 'storage') throw malformed('refers to something other than a storage');
  const [, type, key, , elements, view] = id as unknown[];
  const name = typeof type === 'object' && type !== null && 'name' in type ? type.name : undefined;
  if (typeof name !== 'string' || (typeof key !== 'string' && !isCount(key)) || !isCount(elements))
    throw malformed('refers to a storage without a type, key or size');
  if (view !== undefined && view !== null)
    throw malformed(`has the storage ${quoted(String(key))} as a view of another; save it with PyTorch 1.6 or later`);
  const dtype = name === 'UntypedStorage' ? 'U8' : Object.hasOwn(storageDtypes, name) ? storageDtypes[name]! : name;
  return new TorchStorage(String(key), dtype, elements);
}
