import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromFloat32, toFloat32 } from './float-conversion';

/** The value of binary16 bits by the definition: sign × 2^exponent × (1 + mantissa / 1024). */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15));
}

function bits(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0]!;
}

describe('F16', () => {
  const all = Uint16Array.from({ length: 65536 }, (_, index) => index);

  it('reads all 65,536 values as defined', () => {
    const values = toFloat32({ dtype: 'F16', data: all });
    expect(all.filter((half) => !Object.is(values[half], halfValue(half)))).toHaveLength(0);
  });

  it('writes back every value that is a number', () => {
    const back = fromFloat32({ dtype: 'F16', data: toFloat32({ dtype: 'F16', data: all }) });
    const same = (half: number): boolean =>
      Number.isNaN(halfValue(half)) ? Number.isNaN(halfValue(back[half]!)) : back[half] === half;
    expect(all.filter((half) => !same(half))).toHaveLength(0);
  });

  it('rounds every float32 to the nearest, ties to even', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.float({ noNaN: true }),
          fc.float({ noNaN: true, min: -70000, max: 70000 }),
          fc.float({ noNaN: true, min: Math.fround(-1e-4), max: Math.fround(1e-4) }),
        ),
        (value) => {
          const result = fromFloat32({ dtype: 'F16', data: new Float32Array([value]) })[0]!;
          const magnitude = Math.abs(value);
          // Beyond the midpoint between the largest number and the next power, the nearest is infinity.
          if (magnitude >= 65520) return halfValue(result) === Math.sign(value) * Infinity;
          const distance = Math.abs(Math.abs(halfValue(result)) - magnitude);
          const sameSign = ((result & 0x8000) !== 0) === (value < 0 || Object.is(value, -0));
          const magnitudeBits = result & 0x7fff;
          const neighbours = [magnitudeBits - 1, magnitudeBits + 1].filter((other) => other >= 0 && other < 0x7c00);
          return (
            sameSign &&
            neighbours.every((other) => {
              const away = Math.abs(halfValue(other) - magnitude);
              return away > distance || (away === distance && magnitudeBits % 2 === 0);
            })
          );
        },
      ),
      { numRuns: 20_000 },
    );
  });
});

describe('BF16', () => {
  it('reads and writes back all 65,536 values', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, index) => index);
    const values = toFloat32({ dtype: 'BF16', data: all });
    const back = fromFloat32({ dtype: 'BF16', data: values });
    const same = (half: number): boolean =>
      Number.isNaN(values[half]!)
        ? (back[half]! & 0x7fff) > 0x7f80
        : bits(values[half]!) === half * 65536 && back[half] === half;
    expect(all.filter((half) => !same(half))).toHaveLength(0);
  });

  it('rounds to the nearest, ties to even', () => {
    const cases: [number, number][] = [
      [0x3f80_8000, 0x3f80],
      [0x3f80_8001, 0x3f81],
      [0x3f81_8000, 0x3f82],
      [0x3f80_7fff, 0x3f80],
      [0x7f7f_ffff, 0x7f80],
      [0xff7f_ffff, 0xff80],
      [0x0000_8000, 0x0000],
      [0x8000_8001, 0x8001],
    ];
    for (const [input, expected] of cases) {
      const data = new Float32Array(new Uint32Array([input]).buffer);
      expect(fromFloat32({ dtype: 'BF16', data })[0]!.toString(16)).toBe(expected.toString(16));
    }
  });
});

describe('toFloat32', () => {
  it('rounds wide numbers to the nearest', () => {
    expect(toFloat32({ dtype: 'F64', data: new Float64Array([0.1, 1e300]) })).toEqual(
      new Float32Array([0.1, Infinity]),
    );
    expect(toFloat32({ dtype: 'I64', data: new BigInt64Array([16777217n, -3n]) })).toEqual(
      new Float32Array([16777216, -3]),
    );
    expect(toFloat32({ dtype: 'U64', data: new BigUint64Array([2n ** 64n - 1n]) })).toEqual(
      new Float32Array([2 ** 64]),
    );
  });

  it('writes into a given place and refuses one that is too small', () => {
    const into = new Float32Array(4);
    toFloat32({ dtype: 'I8', data: new Int8Array([1, -2]), into, offset: 1 });
    expect([...into]).toEqual([0, 1, -2, 0]);
    expect(() => toFloat32({ dtype: 'BF16', data: new Uint16Array(2), into, offset: 3 })).toThrow(/do not fit/);
    expect(() => toFloat32({ dtype: 'F32', data: new Uint16Array(2) })).toThrow(/Float32Array/);
  });
});
