import type { Dtype } from '../dtype';
import { quoted, SafetensorsError } from '../safetensors-error';
import type { FindGlobal, PickleGlobal } from './unpickle';

/** The numbers that tensors are views of. */
export class TorchStorage {
  constructor(
    /** Its name among the file's storages. */ readonly key: string,
    /** Of its elements; a name that is none of ours where they are of another type. */ readonly dtype: string,
    /** Elements; bytes where it is untyped. */ readonly elements: number,
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
    throw malformed(`gives a tensor ${what} that are no list of at most ${maximumRank} numbers from 0 up`);
  return value;
}

function rebuild(args: readonly unknown[], dtype?: string): TorchTensor {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof TorchStorage)) throw malformed('makes a tensor of what is no storage');
  if (!isCount(offset)) throw malformed('places a tensor where no storage begins');
  const sizes = counts(shape, 'sizes');
  const steps = counts(strides, 'strides');
  if (sizes.length !== steps.length)
    throw malformed(`gives a tensor ${sizes.length} sizes and ${steps.length} strides`);
  return new TorchTensor(storage, dtype ?? storage.dtype, offset, sizes, steps);
}

const first = (args: readonly unknown[]): unknown => {
  if (!(args[0] instanceof TorchTensor)) throw malformed('makes a parameter of what is no tensor');
  return args[0];
};

/** Dictionaries by the list they were made of: a pickle that asks for one a million times has it made once. */
const made = new WeakMap<unknown[], Map<unknown, unknown>>();

/** An ordered dictionary, empty or of the pairs that it is called with. */
function orderedDictionary([pairs]: readonly unknown[]): Map<unknown, unknown> {
  if (pairs === undefined) return new Map();
  if (!Array.isArray(pairs)) throw malformed('makes a dictionary of what is no list of pairs');
  const before = made.get(pairs);
  if (before !== undefined) return before;
  if (!pairs.every((pair) => Array.isArray(pair) && pair.length === 2))
    throw malformed('makes a dictionary of what is no list of pairs');
  const dictionary = new Map(pairs as [unknown, unknown][]);
  made.set(pairs, dictionary);
  return dictionary;
}

/** Functions that a file of tensors calls, by module and name. None of them is Python's: each only describes a tensor. */
const functions: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  'collections.OrderedDict': orderedDictionary,
  'torch._utils._rebuild_tensor': (args) => rebuild(args),
  'torch._utils._rebuild_tensor_v2': (args) => rebuild(args),
  'torch._utils._rebuild_tensor_v3': (args) => rebuild(args, dtypeName(args[6])),
  'torch._utils._rebuild_parameter': first,
  'torch._utils._rebuild_parameter_with_state': first,
  'torch.Size': ([sizes]) => counts(sizes, 'sizes'),
  // Where a tensor lay: of no matter here.
  'torch.device': () => null,
};

function dtypeName(value: unknown): string {
  const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
  if (typeof name !== 'string') throw malformed('makes a tensor of an unknown element type');
  return Object.hasOwn(torchDtypes, name) ? torchDtypes[name]! : `torch.${name}`;
}

/** What a file of tensors may ask for. */
export const findTorchGlobal: FindGlobal = (module, name): PickleGlobal | undefined => {
  const path = `${module}.${name}`;
  if (Object.hasOwn(functions, path)) return { module, name, call: functions[path] };
  const isStorage = /^(?:torch|torch\.storage)$/.test(module) && /^\w+Storage$/.test(name);
  const isDtype =
    module === 'torch' && (Object.hasOwn(torchDtypes, name) || /^(?:complex|float8|q?u?int)\w*$/.test(name));
  return isStorage || isDtype ? { module, name } : undefined;
};

/** The storage that a persistent id stands for: `('storage', type, key, location, elements)`. */
export function loadStorage(id: unknown): TorchStorage {
  if (!Array.isArray(id) || id[0] !== 'storage') throw malformed('refers to something that is no storage');
  const [, type, key, , elements, view] = id as unknown[];
  const name = typeof type === 'object' && type !== null && 'name' in type ? type.name : undefined;
  if (typeof name !== 'string' || (typeof key !== 'string' && !isCount(key)) || !isCount(elements))
    throw malformed('refers to a storage without a type, a name or a size');
  if (view !== undefined && view !== null)
    throw malformed(`has the storage ${quoted(String(key))} as a part of another; save it with PyTorch 1.6 or later`);
  const dtype = name === 'UntypedStorage' ? 'U8' : Object.hasOwn(storageDtypes, name) ? storageDtypes[name]! : name;
  return new TorchStorage(String(key), dtype, elements);
}
