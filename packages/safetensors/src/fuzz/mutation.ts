import { serializeSafetensors } from '../serialize';
import type { Random } from './random';

/** Valid files to start from. */
export const honestFiles: readonly Uint8Array[] = [
  serializeSafetensors({ tensors: {} }),
  serializeSafetensors({ tensors: { a: { dtype: 'F32', shape: [2, 3], data: new Float32Array(6).fill(1.5) } } }),
  serializeSafetensors({
    tensors: {
      'layer.0.weight': { dtype: 'F16', shape: [4, 2], data: new Uint16Array(8).fill(0x3c00) },
      'layer.0.bias': { dtype: 'BF16', shape: [3], data: new Uint16Array([1, 2, 3]) },
      ids: { dtype: 'I64', shape: [1, 2], data: new BigInt64Array([5n, -5n]) },
      scalar: { dtype: 'F64', shape: [], data: new Float64Array([2]) },
      mask: { dtype: 'BOOL', shape: [5], data: new Uint8Array(5) },
      nothing: { dtype: 'I8', shape: [0, 7], data: new Int8Array(0) },
    },
    metadata: { format: 'pt', 'clé "x"\n': '猫\u0001' },
  }),
  serializeSafetensors({
    tensors: new Map(
      Array.from({ length: 12 }, (_, index) => [
        `t${index}`,
        { dtype: 'U8' as const, shape: [index], data: new Uint8Array(index) },
      ]),
    ),
  }),
];

const numbers = [
  '0',
  '1',
  '2',
  '3',
  '4',
  '7',
  '8',
  '24',
  '255',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '18446744073709551615',
  '18446744073709551616',
  '-1',
  '-0',
  '1.0',
  '1.5',
  '1e3',
  '1e400',
  '007',
  '+1',
  '0x10',
  'NaN',
  'Infinity',
  `1${'0'.repeat(400)}`,
];
const fragments = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '""',
  'null',
  'true',
  '{}',
  '[]',
  '"dtype"',
  '"shape"',
  '"data_offsets"',
  '"__metadata__"',
  '"dtype":"F32"',
  '"shape":[1]',
  '"data_offsets":[0,4]',
  '"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},',
  '"__metadata__":{"k":"v"},',
  '"__metadata__":{},',
  '"__proto__":{},',
  '"constructor":',
  '"extra":[{"deep":[1,2,{"x":null}]}],',
  '\\u0000',
  '\\ud800',
  '\\ud83d\\ude00',
  '\\q',
  '\u0000',
  '\ufeff',
  '\n',
  ' ',
  '  ',
  '[0,0]',
  '[[',
  '{"',
  '//',
  '/*',
  '['.repeat(70),
  '{"a":'.repeat(70),
  '['.repeat(5000),
  '{"a":'.repeat(2000),
  '1,'.repeat(65),
  '1,'.repeat(64),
];
const dtypes = [
  'F64',
  'F32',
  'F16',
  'BF16',
  'I64',
  'I32',
  'I16',
  'I8',
  'U8',
  'BOOL',
  'U16',
  'U32',
  'U64',
  'F8_E4M3',
  'f32',
  '',
  'F',
  'toString',
];

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Mutates a valid file: its bytes, its JSON tokens, or its lengths. */
export function mutatedFile(random: Random): Uint8Array {
  const file = random.pick(honestFiles);
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  let header: Uint8Array = file.slice(8, 8 + headerBytes);
  let data: Uint8Array = file.subarray(8 + headerBytes);
  const rounds = 1 + random.below(4);
  for (let round = 0; round < rounds; round += 1)
    header = random.below(3) === 0 ? mutateBytes(header, random) : mutateText(header, random);
  if (random.below(6) === 0) data = data.subarray(0, random.below(data.byteLength + 1));
  if (random.below(8) === 0) data = join([data, new Uint8Array(random.below(20))]);
  const length = statedLength(header.byteLength, random);
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, length, true);
  const whole = join([prefix, header, data]);
  return random.below(30) === 0 ? whole.subarray(0, random.below(whole.byteLength + 1)) : whole;
}

function statedLength(actual: number, random: Random): bigint {
  switch (random.below(14)) {
    case 0:
      return BigInt(Math.max(0, actual + random.below(21) - 10));
    case 1:
      return random.pick([
        0n,
        1n,
        100_000_000n,
        100_000_001n,
        2n ** 31n,
        2n ** 32n + 8n,
        2n ** 53n,
        2n ** 63n,
        2n ** 64n - 1n,
      ]);
    default:
      return BigInt(actual);
  }
}

function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const result = bytes.slice();
  const at = random.below(result.byteLength + 1);
  switch (random.below(4)) {
    case 0:
      if (at < result.byteLength) result[at] = result[at]! ^ (1 << random.below(8));
      return result;
    case 1:
      if (at < result.byteLength) result[at] = random.below(256);
      return result;
    case 2:
      return join([result.subarray(0, at), result.subarray(Math.min(at + 1 + random.below(12), result.byteLength))]);
    default:
      return join([result.subarray(0, at), result.subarray(at, at + random.below(40)), result.subarray(at)]);
  }
}

function mutateText(bytes: Uint8Array, random: Random): Uint8Array {
  const text = decoder.decode(bytes);
  const replaceOne = (pattern: RegExp, replacement: () => string): string => {
    const matches = [...text.matchAll(pattern)];
    if (matches.length === 0) return text;
    const match = random.pick(matches);
    return text.slice(0, match.index) + replacement() + text.slice(match.index + match[0].length);
  };
  switch (random.below(8)) {
    case 0:
    case 1:
      return encoder.encode(replaceOne(/\d+/g, () => random.pick(numbers)));
    case 2:
      return encoder.encode(replaceOne(/\d+/g, () => String(random.below(64))));
    case 3:
      return encoder.encode(replaceOne(/"(?:F|BF|I|U|BOOL)\d*"/g, () => JSON.stringify(random.pick(dtypes))));
    case 4: {
      // Replace one string by another: duplicate names and fields.
      const strings = [...text.matchAll(/"[^"]*"/g)].map(([found]) => found);
      return encoder.encode(replaceOne(/"[^"]*"/g, () => (strings.length === 0 ? '""' : random.pick(strings))));
    }
    case 5: {
      // Replace one object or list by another.
      const groups = [...text.matchAll(/\{[^{}]*\}|\[[^[\]]*\]/g)].map(([found]) => found);
      return encoder.encode(
        replaceOne(/\{[^{}]*\}|\[[^[\]]*\]/g, () => (groups.length === 0 ? '{}' : random.pick(groups))),
      );
    }
    default: {
      const at = random.below(text.length + 1);
      return encoder.encode(text.slice(0, at) + random.pick(fragments) + text.slice(at));
    }
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let position = 0;
  for (const part of parts) {
    result.set(part, position);
    position += part.byteLength;
  }
  return result;
}
