import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dtypeByteSizes, type Dtype } from './dtype';
import { parseSafetensors } from './parse';
import { planFile } from './plan';
import { serializeSafetensors } from './serialize';
import { SafetensorsError } from './safetensors-error';

function file(header: string, dataBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.byteLength + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.byteLength), true);
  bytes.set(text, 8);
  return bytes;
}

function refusal(bytes: Uint8Array): SafetensorsError {
  try {
    parseSafetensors(bytes);
  } catch (error) {
    if (SafetensorsError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

const four = '{"dtype":"U8","shape":[4],"data_offsets":[0,4]}';

describe('a header is refused', () => {
  const cases: [why: string, header: string, dataBytes: number, code: string, message: RegExp][] = [
    ['with a name twice', `{"a":${four},"a":${four}}`, 4, 'duplicate-name', /"a" occurs twice in the header/],
    ['with a name twice, once escaped', `{"a":${four},"\\u0061":${four}}`, 4, 'duplicate-name', /"a" occurs twice/],
    [
      'with a field twice',
      '{"a":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}}',
      4,
      'duplicate-name',
      /"dtype" occurs twice in tensor "a"/,
    ],
    ['with metadata twice', '{"__metadata__":{},"__metadata__":{}}', 0, 'duplicate-name', /__metadata__/],
    ['with a metadata key twice', '{"__metadata__":{"k":"1","k":"2"}}', 0, 'duplicate-name', /"k"/],
    [
      'with overlapping tensors',
      `{"a":${four},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`,
      6,
      'invalid-offsets',
      /"b", from byte 2, overlaps/,
    ],
    [
      'with a hole',
      `{"a":${four},"b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}}`,
      6,
      'invalid-offsets',
      /hole of 1 bytes/,
    ],
    [
      'with a hole at the start',
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
      2,
      'invalid-offsets',
      /hole of 1 bytes/,
    ],
    ['with bytes left over', `{"a":${four}}`, 5, 'invalid-offsets', /1 bytes follow the last tensor/],
    ['with data missing', `{"a":${four}}`, 3, 'truncated', /cut short/],
    [
      'with a size that does not fit',
      '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,4]}}',
      4,
      'invalid-offsets',
      /takes 16 bytes as F32 of shape \[4\].*span 4/,
    ],
    [
      'with offsets backwards',
      '{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}',
      4,
      'invalid-offsets',
      /in order/,
    ],
    [
      'with one offset',
      '{"a":{"dtype":"U8","shape":[4],"data_offsets":[4]}}',
      4,
      'invalid-offsets',
      /data_offsets \[4\]/,
    ],
    [
      'with three offsets',
      '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}',
      4,
      'invalid-header',
      /more than 2/,
    ],
    [
      'with an unknown dtype',
      '{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}',
      4,
      'unsupported-dtype',
      /"F8_E4M3"; known are F64/,
    ],
    [
      'with a dtype off the prototype',
      '{"a":{"dtype":"toString","shape":[4],"data_offsets":[0,4]}}',
      4,
      'unsupported-dtype',
      /toString/,
    ],
    [
      'with a size beyond 2^53',
      '{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,4]}}',
      4,
      'invalid-shape',
      /more than 2\^53/,
    ],
    [
      'with a number beyond 2^53',
      '{"a":{"dtype":"U8","shape":[9007199254740992],"data_offsets":[0,4]}}',
      4,
      'invalid-header',
      /larger than 2\^53/,
    ],
    [
      'with a negative number',
      '{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}',
      4,
      'invalid-header',
      /non-negative whole number/,
    ],
    [
      'with a fraction',
      '{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}',
      4,
      'invalid-header',
      /expected "," or "\]"/,
    ],
    ['with a missing field', '{"a":{"dtype":"U8","data_offsets":[0,4]}}', 4, 'invalid-header', /has no shape/],
    [
      'with metadata that is not text',
      '{"__metadata__":{"k":1}}',
      0,
      'invalid-header',
      /expected a string as the metadata "k"/,
    ],
    [
      'with 65 dimensions',
      `{"a":{"dtype":"U8","shape":[${Array(65).fill(1).join()}],"data_offsets":[0,1]}}`,
      1,
      'invalid-header',
      /more than 64/,
    ],
    ['nested without end', `{"a":{"x":${'['.repeat(100_000)}`, 0, 'invalid-header', /nested more than 64 deep/],
    ['with half a surrogate pair', `{"\\ud800":${four}}`, 4, 'invalid-header', /surrogate/],
    ['that is not JSON', '{"a":', 0, 'invalid-header', /expected "{"/],
    ['with something after it', '{} {}', 0, 'invalid-header', /follows the header/],
    ['that is a list', '[]', 0, 'invalid-header', /does not start with "{"/],
    ['that is empty', '', 0, 'invalid-header', /does not start with "{"/],
    ['with white space before it', ' {}', 0, 'invalid-header', /does not start with "{"/],
  ];
  it.each(cases)('%s', (_why, header, dataBytes, code, message) => {
    const error = refusal(file(header, dataBytes));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('that is not UTF-8', () => {
    const bytes = file('{"?":1}');
    bytes[10] = 0xff;
    expect(refusal(bytes).message).toMatch(/not valid UTF-8/);
  });

  it('that is longer than 100 MB, or than the file, before anything is allocated', () => {
    const bytes = file('{}');
    new DataView(bytes.buffer).setBigUint64(0, 100_000_001n, true);
    expect(refusal(bytes).code).toBe('header-too-large');
    new DataView(bytes.buffer).setBigUint64(0, 2n ** 64n - 1n, true);
    expect(refusal(bytes).code).toBe('header-too-large');
    new DataView(bytes.buffer).setBigUint64(0, 99_999_999n, true);
    expect(refusal(bytes).code).toBe('truncated');
    expect(refusal(bytes.subarray(0, 5)).message).toMatch(/5 bytes are too few/);
  });

  it('with a name of any length, in a message that a person can read', () => {
    expect(refusal(file(`{"${'x'.repeat(1_000_000)}":{}}`)).message.length).toBeLessThan(500);
  });
});

describe('a header is accepted', () => {
  it('with spaces at its end, unknown fields, and tensors in any order', () => {
    const header = `{"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5],"more":[{"a":null,"a":"\\n"},-1.5e3,true]},"a":${four}}   \n`;
    expect([...parseSafetensors(file(header, 5)).tensors.keys()]).toEqual(['a', 'b']);
  });

  it('with names that objects in JavaScript treat specially', () => {
    const header =
      '{"__proto__":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"constructor":{"dtype":"U8","shape":[],"data_offsets":[1,2]},"":{"dtype":"U8","shape":[],"data_offsets":[2,3]},"__metadata__":{"__proto__":"x"}}';
    const parsed = parseSafetensors(file(header, 3));
    expect([...parsed.tensors.keys()]).toEqual(['__proto__', 'constructor', '']);
    expect(Object.keys(parsed.metadata)).toEqual(['__proto__']);
    expect(parseSafetensors(serializeSafetensors(parsed)).tensors).toEqual(parsed.tensors);
  });

  it('with tensors at places that are not aligned, which are copied', () => {
    const bytes = file(
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}',
      5,
    );
    new DataView(bytes.buffer).setFloat32(bytes.byteLength - 4, 2.5, true);
    expect(parseSafetensors(bytes).tensors.get('b')!.data).toEqual(new Float32Array([2.5]));
  });
});

const wellFormed = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__metadata__');
const someTensor = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(dtypeByteSizes) as Dtype[])),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
    seed: fc.nat(255),
  })
  .map(({ dtype, shape, seed }) => {
    const bytes = new Uint8Array(shape.reduce((product, dimension) => product * dimension, 1) * dtypeByteSizes[dtype]);
    for (const index of bytes.keys()) bytes[index] = (seed + index * 31) & 255;
    return { dtype, shape, bytes };
  });

describe('properties', () => {
  it('what is written is read: names, order within a width, shapes, bits, metadata', () => {
    fc.assert(
      fc.property(
        fc.dictionary(wellFormed, someTensor),
        fc.dictionary(wellFormed, fc.string({ unit: 'grapheme' })),
        (inputs, metadata) => {
          const tensors = new Map(
            Object.entries(inputs).map(([name, { dtype, shape, bytes }]) => {
              const whole = parseSafetensors(rawFile(dtype, shape, bytes)).tensors.get('x')!;
              return [name, whole] as const;
            }),
          );
          const written = serializeSafetensors({ tensors, metadata });
          expect(written.byteLength % 1).toBe(0);
          const parsed = parseSafetensors(written);
          expect({ ...parsed.metadata }).toEqual({ ...metadata });
          expect(new Set(parsed.tensors.keys())).toEqual(new Set(tensors.keys()));
          for (const [name, tensor] of parsed.tensors) {
            const { dtype, shape, bytes } = inputs[name]!;
            expect([tensor.dtype, tensor.shape]).toEqual([dtype, shape]);
            expect(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)).toEqual(bytes);
            expect(tensor.data.byteOffset % dtypeByteSizes[dtype]).toBe(0);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a file cut anywhere is refused with a typed error', () => {
    const whole = serializeSafetensors({
      tensors: {
        a: { dtype: 'F32', shape: [3], data: new Float32Array(3) },
        b: { dtype: 'U8', shape: [5], data: new Uint8Array(5) },
      },
    });
    for (let length = 0; length < whole.byteLength; length += 1) {
      expect(['truncated', 'invalid-header']).toContain(refusal(whole.subarray(0, length)).code);
    }
  });
});

describe('planFile', () => {
  it('refuses what could not be read back', () => {
    const plan = (name: string, declaration: object, metadata?: Record<string, string>) => () =>
      planFile({ tensors: [[name, declaration as { dtype: Dtype; shape: number[] }]], metadata });
    expect(plan('__metadata__', { dtype: 'U8', shape: [] })).toThrow(/keeps that key/);
    expect(plan('\ud800', { dtype: 'U8', shape: [] })).toThrow(/surrogate/);
    expect(plan('a', { dtype: 'C64', shape: [] })).toThrow(/"C64"/);
    expect(plan('a', { dtype: 'U8', shape: [1.5] })).toThrow(/dimension 1.5/);
    expect(plan('a', { dtype: 'U8', shape: [-1] })).toThrow(/dimension -1/);
    expect(plan('a', { dtype: 'U8', shape: [2 ** 40, 2 ** 40] })).toThrow(/more than 2\^53/);
    expect(plan('a', { dtype: 'U8', shape: [] }, { k: 1 as unknown as string })).toThrow(/metadata "k"/);
  });
});

function rawFile(dtype: Dtype, shape: number[], bytes: Uint8Array): Uint8Array {
  const whole = file(
    `{"x":{"dtype":"${dtype}","shape":[${shape.join()}],"data_offsets":[0,${bytes.byteLength}]}}`,
    bytes.byteLength,
  );
  whole.set(bytes, whole.byteLength - bytes.byteLength);
  return whole;
}
