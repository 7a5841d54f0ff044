import { execFileSync } from 'node:child_process';
import { readSync } from 'node:fs';
import { mkdtemp, rm, writeFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { toFloat32 } from './float-conversion';
import { openSafetensors } from './node/open';
import { writeSafetensors } from './node/write';
import { parseSafetensors } from './parse';
import type { TensorToWrite } from './plan';
import { openSafetensorsFrom } from './safetensors-file';
import { serializeSafetensors } from './serialize';

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
    await writeSafetensors({ path, tensors, metadata: { format: 'pt', naïve: '猫' } });
    const file = await openSafetensors({ path });
    expect([...file.names].sort()).toEqual(Object.keys(tensors).sort());
    expect({ ...file.metadata }).toEqual({ format: 'pt', naïve: '猫' });
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
    const file = await openSafetensors({ path });
    for (const name of file.names) expect((await file.read(name)).data).toEqual(parsed.tensors.get(name)!.data);
    await file.close();
    // Not a file of this machine: there is nowhere to point to.
    expect(
      (
        await openSafetensorsFrom({
          byteLength: bytes.length,
          read: async ({ position, into }) => into.set(bytes.subarray(position, position + into.length)),
          close: async () => {},
        })
      ).location('flags'),
    ).toBe(null);
  });
});

/** A file with a header as it stands and these bytes of data. */
function fileOf(header: string, data: number[]): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.byteLength + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.byteLength), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.byteLength);
  return bytes;
}

describe('a file of another writer', () => {
  it('may say null for its metadata', async () => {
    const path = join(folder, 'null.safetensors');
    await writeFile(
      path,
      fileOf('{ "__metadata__" : null , "t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}', [3, 4]),
    );
    const file = await openSafetensors({ path });
    expect([...(await file.readFloat32('t'))]).toEqual([3, 4]);
    expect({ ...file.metadata }).toEqual({});
    await file.close();
    expect(() => parseSafetensors(fileOf('{"__metadata__":nul}', []))).toThrow(/expected "{"/);
  });

  it('has true for any BOOL byte but 0', async () => {
    const path = join(folder, 'bool.safetensors');
    const bytes = fileOf('{"t":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}', [0, 1, 2, 255]);
    await writeFile(path, bytes);
    const file = await openSafetensors({ path });
    expect([...(await file.readFloat32('t'))]).toEqual([0, 1, 1, 1]);
    // Bit for bit, where bits are asked for.
    expect([...((await file.read('t')).data as Uint8Array)]).toEqual([0, 1, 2, 255]);
    await file.close();
    const parsed = parseSafetensors(bytes).tensors.get('t')!;
    expect([...toFloat32(parsed)]).toEqual([0, 1, 1, 1]);
  });

  it.each(['F8_E4M3', 'F8_E5M2', 'F4', 'C64', 'E8_NEW'])(
    'opens beside tensors of %s, which alone are refused',
    async (dtype) => {
      const path = join(folder, `${dtype}.safetensors`);
      await writeFile(
        path,
        fileOf(
          `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"${dtype}","shape":[2],"data_offsets":[2,5]},"c":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}}`,
          [1, 2, 9, 9, 9, 7],
        ),
      );
      const file = await openSafetensors({ path });
      expect(file.names).toEqual(['a', 'b', 'c']);
      expect(file.has('b')).toBe(true);
      expect([...(await file.readFloat32('a')), ...(await file.readFloat32('c'))]).toEqual([1, 2, 7]);
      for (const attempt of [
        async () => file.entry('b'),
        () => file.read('b'),
        () => file.readFloat32('b'),
        async () => file.location('b'),
      ]) {
        await expect(attempt()).rejects.toMatchObject({
          code: 'unsupported-dtype',
          message: expect.stringContaining(`"b" has the dtype "${dtype}"`),
          path,
        });
      }
      await file.close();
    },
  );

  it.skipIf(process.platform === 'win32')('is refused at once where it is a pipe or a device', async () => {
    const pipe = join(folder, 'pipe.safetensors');
    execFileSync('mkfifo', [pipe]);
    await expect(openSafetensors({ path: pipe })).rejects.toMatchObject({ code: 'not-found' });
    await expect(openSafetensors({ path: '/dev/zero' })).rejects.toMatchObject({ code: 'not-found' });
  });
});
