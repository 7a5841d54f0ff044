import { isStorageArray, storageArrayName, type Dtype, type StorageArray } from './dtype';
import { SafetensorsError } from './safetensors-error';

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/** Bits of the float32 equal to each of the 65,536 IEEE 754 binary16 values; 256 KiB, built on first use. */
let halfTable: Uint32Array | undefined;

function halfToFloatTable(): Uint32Array {
  if (halfTable !== undefined) return halfTable;
  const table = new Uint32Array(65536);
  for (let half = 0; half < 65536; half += 1) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 0x1f;
    const mantissa = half & 0x3ff;
    if (exponent === 0x1f) {
      // Infinity, or NaN with its payload.
      table[half] = sign | 0x7f800000 | (mantissa << 13);
    } else if (exponent !== 0) {
      // Rebias the exponent from 15 to 127.
      table[half] = sign | ((exponent + 112) << 23) | (mantissa << 13);
    } else {
      // Zero and the subnormal numbers: mantissa × 2⁻²⁴, exact in float32.
      scratchFloat[0] = mantissa * 2 ** -24;
      table[half] = sign | scratchBits[0]!;
    }
  }
  halfTable = table;
  return table;
}

/** Rounds a float32, given as bits, to binary16: nearest, ties to even; overflow becomes infinity. */
function floatBitsToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) {
    // Infinity stays; NaN keeps the top of its payload and is made quiet, so that it can't become infinity.
    return magnitude === 0x7f800000 ? sign | 0x7c00 : sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  }
  if (magnitude >= 0x38800000) {
    // Normal: rebias, add half a unit in the last place, ties to even; a carry moves into the exponent as it should.
    const rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1);
    return sign | Math.min(rounded >>> 13, 0x7c00);
  }
  // Subnormal: count in units of 2⁻²⁴; below half of one it is zero.
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - exponent;
  const units = mantissa >>> shift;
  const remainder = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (units + (remainder > half || (remainder === half && (units & 1) === 1) ? 1 : 0));
}

/** Rounds a float32, given as bits, to bfloat16: nearest, ties to even. */
function floatBitsToBfloat(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** Converts bfloat16 bits to float32 bits, two at a time if aligned, which is a third faster. */
function widenBfloat(halves: Uint16Array, bits: Uint32Array): void {
  const pairs = halves.byteOffset % 4 === 0 ? halves.length >> 1 : 0;
  const words = new Uint32Array(halves.buffer, pairs === 0 ? 0 : halves.byteOffset, pairs);
  for (let pair = 0; pair < pairs; pair += 1) {
    const word = words[pair]!;
    bits[2 * pair] = word << 16;
    bits[2 * pair + 1] = word & 0xffff0000;
  }
  for (let index = 2 * pairs; index < halves.length; index += 1) bits[index] = halves[index]! << 16;
}

/**
 * Converts elements of any dtype to float32. F16, BF16, I8, U8, I16 and U16 are exact; F64, I32, U32, I64 and U64 round
 * to nearest; BOOL becomes 0 or 1 (any nonzero byte), as in the reference implementation.
 *
 * @param options.dtype dtype of `data`
 * @param options.data the elements in the dtype's typed array (F16 and BF16 as raw bits)
 * @param options.into output array of at least `offset + data.length` elements. Default: a new array
 * @param options.offset index in `into` to start at. @default 0
 * @returns `into`, or the new array
 */
export function toFloat32(options: {
  dtype: Dtype;
  data: StorageArray;
  into?: Float32Array;
  offset?: number;
}): Float32Array {
  const { dtype, data, offset = 0 } = options;
  if (!isStorageArray(dtype, data)) {
    throw new SafetensorsError({
      code: 'invalid-tensor',
      message: `${dtype} elements are held in a ${storageArrayName(dtype)}, not a ${(data as object).constructor.name}`,
    });
  }
  const length = data.length;
  const into = options.into ?? new Float32Array(length);
  if (offset < 0 || offset + length > into.length) {
    throw new SafetensorsError({
      code: 'invalid-tensor',
      message: `the destination holds ${into.length} numbers: ${length} from index ${offset} on do not fit`,
    });
  }
  switch (dtype) {
    case 'F16': {
      const table = halfToFloatTable();
      const halves = data as Uint16Array;
      const bits = new Uint32Array(into.buffer, into.byteOffset + offset * 4, length);
      for (let index = 0; index < length; index += 1) bits[index] = table[halves[index]!]!;
      break;
    }
    case 'BF16': {
      const halves = data as Uint16Array;
      const bits = new Uint32Array(into.buffer, into.byteOffset + offset * 4, length);
      widenBfloat(halves, bits);
      break;
    }
    case 'I64':
    case 'U64': {
      const wide = data as BigInt64Array;
      for (let index = 0; index < length; index += 1) into[offset + index] = Number(wide[index]!);
      break;
    }
    case 'BOOL': {
      const flags = data as Uint8Array;
      for (let index = 0; index < length; index += 1) into[offset + index] = flags[index] === 0 ? 0 : 1;
      break;
    }
    default:
      into.set(data as Float32Array, offset);
  }
  return into;
}

/** Dtypes supported by `fromFloat32`. */
export type FloatDtype = 'F64' | 'F32' | 'F16' | 'BF16';

/** Converts float32 to a floating-point dtype, rounding to nearest, ties to even. */
export function fromFloat32<D extends FloatDtype>(options: { dtype: D; data: Float32Array }): StorageArray<D> {
  const { dtype, data } = options;
  if (dtype === 'F32') return data as StorageArray<D>;
  if (dtype === 'F64') return Float64Array.from(data) as StorageArray<D>;
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const halves = new Uint16Array(data.length);
  if (dtype === 'F16')
    for (let index = 0; index < bits.length; index += 1) halves[index] = floatBitsToHalf(bits[index]!);
  else for (let index = 0; index < bits.length; index += 1) halves[index] = floatBitsToBfloat(bits[index]!);
  return halves as StorageArray<D>;
}
