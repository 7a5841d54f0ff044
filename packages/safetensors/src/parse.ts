import { requireLittleEndian, storageArray } from './dtype';
import { headerByteLength, parseHeader, prefixBytes, unsupportedDtype } from './header';
import type { TensorData } from './safetensors-file';

/** A safetensors file in memory. */
export interface ParsedSafetensors {
  /** Tensors by name, ordered by position in the file. */
  tensors: Map<string, TensorData>;
  /** Key–value pairs of `__metadata__`. */
  metadata: Record<string, string>;
}

/**
 * Parses a safetensors file in memory. Tensors are views of `bytes` where they are aligned to their element size (as in
 * files written by this package or the reference implementation), otherwise copies.
 *
 * @throws SafetensorsError as `openSafetensors`; `unsupported-dtype` if any tensor has an unsupported dtype
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
