import { requireLittleEndian, storageArray } from './dtype';
import { headerByteLength, parseHeader, prefixBytes, unsupportedDtype } from './header';
import type { TensorData } from './safetensors-file';

/** A safetensors file in memory. */
export interface ParsedSafetensors {
  /** Tensors by name, in the order of their bytes. */
  tensors: Map<string, TensorData>;
  /** The text pairs of `__metadata__`. */
  metadata: Record<string, string>;
}

/**
 * Reads a whole file from memory. The tensors are views of `bytes` where their place is aligned to their element size
 * (as in files that this package or the reference writes), else copies.
 *
 * @throws SafetensorsError as `openSafetensors` does; `unsupported-dtype` where any tensor has a dtype that is not read
 */
export function parseSafetensors(bytes: Uint8Array): ParsedSafetensors {
  requireLittleEndian();
  const headerBytes = headerByteLength({ prefix: bytes.subarray(0, prefixBytes), fileBytes: bytes.byteLength });
  const dataStart = prefixBytes + headerBytes;
  const { entries, foreign, metadata } = parseHeader({
    bytes: bytes.subarray(prefixBytes, dataStart),
    dataBytes: bytes.byteLength - dataStart,
  });
  for (const [name, { dtype }] of foreign) throw unsupportedDtype({ name, dtype });
  const tensors = new Map<string, TensorData>();
  for (const [name, { dtype, shape, begin, byteLength }] of entries) {
    const start = dataStart + begin;
    tensors.set(name, { dtype, shape, data: storageArray(dtype, bytes.subarray(start, start + byteLength)) });
  }
  return { tensors, metadata };
}
