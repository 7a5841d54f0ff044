import { readSync } from 'node:fs';
import { mkdtemp, rm, writeFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors, openSafetensorsFrom, parseSafetensors, serializeSafetensors, writeSafetensors, type TensorToWrite } from './index';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

const tensors: Record<string, TensorToWrite> = {
  flags: { dtype: 'BOOL', shape: [3], data: new Uint8Array([1, 0, 1]) },
  bytes: { dtype: 'I8', shape: [1, 3], data: new Int8Array([-128, 0, 127]) },
  unsigned: { dtype: 'U8', shape: [2], data: new Uint8Array([0, 255]) },
  halves: { dtype: 'F16', shape: [2, 2], data: new Float32Array([1, -0.5, 65504, 6e-8]) },
  brains: { dtype: 'BF16', shape: [2], data: new Float32Array([3.140625, -1e30]) },
  floats: { dtype: 'F32', shape: [2, 1], data: new Float32Array([0.1, -1e-40]) },
  doubles: { dtype: 'F64', shape: [], data: new Float64Array([Math.PI]) },
  longs: { dtype: 'I64', shape: [2], data: new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]) },
  integers: { dtype: 'I32', shape: [1], data: new Int32Array([-7]) },
  shorts: { dtype: 'I16', shape: [2], data: new Int16Array([-32768, 32767]) },
  empty: { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
  __proto: { dtype: 'U8', shape: [1], data: new Uint8Array([9]) },
};

describe('a file written and read', () => {
  it('holds every dtype bit for bit', async () => {
    const path = join(folder, 'all.safetensors');
    await writeSafetensors({ path, tensors, metadata: { format: 'pt', 'naïve': '猫' } });
    const file = await openSafetensors(path);
    expect([...file.names].sort()).toEqual(Object.keys(tensors).sort());
    expect({ ...file.metadata }).toEqual({ format: 'pt', 'naïve': '猫' });
    expect((await file.read('longs')).data).toEqual(new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]));
    expect((await file.read('doubles')).data).toEqual(new Float64Array([Math.PI]));
    expect((await file.read('doubles')).shape).toEqual([]);
    expect((await file.read('halves')).data).toEqual(new Uint16Array([0x3c00, 0xb800, 0x7bff, 1]));
    expect(await file.readFloat32('halves')).toEqual(new Float32Array([1, -0.5, 65504, 2 ** -24]));
    expect(await file.readFloat32('floats')).toEqual(new Float32Array([0.1, -1e-40]));
    expect(await file.readFloat32('empty')).toEqual(new Float32Array(0));
    expect(await file.readFloat32('shorts')).toEqual(new Float32Array([-32768, 32767]));
    expect(file.entry('halves')).toEqual({ dtype: 'F16', shape: [2, 2], byteLength: 8 });
    const { descriptor, position } = file.location('floats')!;
    const bytes = Buffer.alloc(8);
    readSync(descriptor, bytes, 0, 8, position);
    expect(new Float32Array(bytes.buffer, bytes.byteOffset, 2)).toEqual(new Float32Array([0.1, -1e-40]));
    expect(() => file.location('none')).toThrow(expect.objectContaining({ code: 'unknown-tensor' }));
    await file.close();
    await expect(file.read('flags')).rejects.toMatchObject({ code: 'closed' });
    expect(() => file.location('flags')).toThrow(expect.objectContaining({ code: 'closed' }));
    expect((await readdir(folder)).filter((name) => name.includes('temporary'))).toEqual([]);
  });

  it('is the same bytes in memory, and its tensors are aligned views of them', async () => {
    const bytes = serializeSafetensors({ tensors });
    const parsed = parseSafetensors(bytes);
    expect(parsed.tensors.size).toBe(Object.keys(tensors).length);
    for (const { data } of parsed.tensors.values()) expect(data.buffer).toBe(bytes.buffer);
    const path = join(folder, 'memory.safetensors');
    await writeFile(path, bytes);
    const file = await openSafetensors(path);
    for (const name of file.names) expect((await file.read(name)).data).toEqual(parsed.tensors.get(name)!.data);
    await file.close();
    // Not a file of this machine: there is nowhere to point to.
    expect((await openSafetensorsFrom({ byteLength: bytes.length, read: async ({ position, into }) => into.set(bytes.subarray(position, position + into.length)), close: async () => {} })).location('flags')).toBe(null);
  });
});
