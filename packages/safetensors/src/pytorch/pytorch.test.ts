import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { blobSource } from '../blob-source';
import { bytesOf } from '../dtype';
import { writeSafetensors } from '../node/write';
import { openPytorch, openPytorchFrom, openWeights, type SafetensorsFile, SafetensorsError } from '../pytorch';

interface Expected {
  dtype: string;
  shape: number[];
  bytes: string;
  float32: string;
}
interface Recorded {
  cases: Record<string, { file: string; tensors: Record<string, Expected> }>;
  sharded: { index: unknown; files: Record<string, string>; tensors: Record<string, Expected> };
  foreign: string;
  refused: Record<string, { file: string; code: string }>;
}

/** By tooling/parity/make_pytorch_fixtures.py: files of torch.save, and what torch has in them. */
const recorded = JSON.parse(
  gunzipSync(await readFile(new URL('../../fixtures/pytorch.json.gz', import.meta.url))).toString(),
) as Recorded;
const decoded = (text: string) => Buffer.from(text, 'base64');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-pytorch-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(bytes: Uint8Array, name = 'checkpoint_33'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

/** Opens a checkpoint in memory. */
const opened = (bytes: Uint8Array) => openPytorchFrom(blobSource({ blob: new Blob([new Uint8Array(bytes)]) }));

async function expectTensors(file: SafetensorsFile, tensors: Record<string, Expected>): Promise<void> {
  expect([...file.names].sort()).toEqual(Object.keys(tensors).sort());
  for (const [name, { dtype, shape, bytes, float32 }] of Object.entries(tensors)) {
    expect(file.entry(name)).toEqual({ dtype, shape, byteLength: decoded(bytes).length });
    const { data } = await file.read(name);
    expect(Buffer.from(bytesOf(data))).toEqual(decoded(bytes));
    const numbers = await file.readFloat32(name);
    expect(Buffer.from(bytesOf(numbers))).toEqual(decoded(float32));
    const half = Math.floor(numbers.length / 2);
    for (const [from, to] of [
      [0, half],
      [half, numbers.length],
    ] as const) {
      const part = await file.readFloat32(name, { into: new Float32Array(to - from), from });
      expect(part).toEqual(numbers.subarray(from, to));
    }
  }
}

describe('a PyTorch checkpoint', () => {
  it.each(Object.entries(recorded.cases))('%s: every tensor bit for bit', async (_, { file: bytes, tensors }) => {
    const file = await openPytorch({ path: await written(decoded(bytes)) });
    await expectTensors(file, tensors);
    await file.close();
    const [name] = file.names as [string];
    await expect(file.read(name)).rejects.toMatchObject({ code: 'closed' });
  });

  it('says where a tensor lies that is in one piece, and of no other', async () => {
    const bytes = decoded(recorded.cases.views!.file);
    const file = await openPytorch({ path: await written(bytes) });
    const { position } = file.location('row')!;
    expect(bytes.subarray(position, position + 24)).toEqual(decoded(recorded.cases.views!.tensors.row!.bytes));
    expect(file.location('transposed')).toBeNull();
    await file.close();
  });

  it('in shards, which its index names', async () => {
    for (const [name, text] of Object.entries(recorded.sharded.files)) await written(decoded(text), name);
    const index = join(folder, 'pytorch_model.bin.index.json');
    await writeFile(index, JSON.stringify(recorded.sharded.index));
    for (const path of [folder, index]) {
      const file = await openWeights({ path });
      await expectTensors(file, recorded.sharded.tensors);
      await file.close();
    }
    await writeFile(index, JSON.stringify({ weight_map: { a: '../checkpoint.bin' } }));
    await expect(openPytorch({ path: folder })).rejects.toMatchObject({ code: 'invalid-index' });
    await rm(index);
    await expect(openPytorch({ path: folder })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is told from safetensors by its first bytes, and comes after them in a folder', async () => {
    const own = { bytes: decoded(recorded.cases.views!.file), name: 'model.safetensors' };
    const wrongName = await openWeights({ path: await written(own.bytes, own.name) });
    expect(wrongName.names).toContain('transposed');
    await wrongName.close();
    await written(own.bytes, 'pytorch_model.bin');
    await writeSafetensors({
      path: join(folder, own.name),
      tensors: { a: { dtype: 'F32', shape: [1], data: new Float32Array([1]) } },
    });
    for (const path of [folder, join(folder, own.name)]) {
      const file = await openWeights({ path });
      expect(file.names).toEqual(['a']);
      await file.close();
    }
  });

  it('refuses a type that is not read only where it is asked for', async () => {
    const file = await opened(decoded(recorded.foreign));
    expect(await file.readFloat32('b')).toEqual(new Float32Array([1, 1]));
    await expect(file.read('a')).rejects.toMatchObject({ code: 'unsupported-dtype' });
  });
});

describe('a PyTorch checkpoint that is refused', () => {
  it.each(Object.entries(recorded.refused))('%s', async (_, { file, code }) => {
    const path = await written(decoded(file));
    await expect(openPytorch({ path })).rejects.toMatchObject({
      name: 'SafetensorsError',
      code,
      message: expect.stringContaining(path) as string,
    });
  });

  it('names the class that is asked for', async () => {
    const bytes = decoded(recorded.refused['a function of the operating system']!.file);
    await expect(opened(bytes)).rejects.toThrow(/"posix\.system".+nothing of the file was run/);
  });

  it('cut short, wherever', async () => {
    for (const name of ['views', 'from before 1.6']) {
      const bytes = decoded(recorded.cases[name]!.file);
      for (let length = 0; length < bytes.length - 1; length += 7) {
        const outcome = await opened(bytes.subarray(0, length)).catch((error: unknown) => error);
        expect(SafetensorsError.isInstance(outcome)).toBe(true);
        expect(['truncated', 'invalid-archive', 'invalid-pickle']).toContain((outcome as SafetensorsError).code);
      }
    }
    const path = await written(new Uint8Array());
    await expect(openPytorch({ path })).rejects.toMatchObject({ code: 'invalid-archive' });
    await truncate(path, 3e9);
    await expect(openPytorch({ path })).rejects.toMatchObject({ code: 'invalid-archive' });
  });

  /** The archive with a field of each entry of its directory changed. */
  function withEntries(change: (view: DataView, entry: number) => void): Buffer {
    const bytes = Buffer.from(decoded(recorded.cases['element types']!.file));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; (at = bytes.indexOf('PK\x01\x02', at, 'latin1')) >= 0; at += 4) change(view, at);
    return bytes;
  }

  it('whose entries are compressed (a bomb is), encrypted, larger than the file, or elsewhere', async () => {
    for (const [field, value] of [
      [10, 8],
      [8, 1],
    ] as const) {
      const bytes = withEntries((view, entry) => view.setUint16(entry + field, value, true));
      await expect(opened(bytes)).rejects.toMatchObject({ code: 'invalid-archive' });
    }
    const large = withEntries((view, entry) => {
      view.setUint32(entry + 20, 2 ** 31, true);
      view.setUint32(entry + 24, 2 ** 31, true);
    });
    await expect(opened(large)).rejects.toMatchObject({ code: 'invalid-archive' });
    const elsewhere = withEntries((view, entry) => view.setUint32(entry + 42, 5, true));
    await expect(opened(elsewhere)).rejects.toMatchObject({ code: 'invalid-archive' });
  });

  it('whose storage is smaller than its tensors say', async () => {
    const bytes = withEntries((view, entry) => {
      const size = view.getUint32(entry + 24, true);
      // The numbers of each type take 6 to 48 bytes.
      if (size > 48) return;
      view.setUint32(entry + 20, Math.min(size, 3), true);
      view.setUint32(entry + 24, Math.min(size, 3), true);
    });
    // The text "little" has 6 bytes too.
    await expect(opened(bytes)).rejects.toMatchObject({
      code: expect.stringMatching(/invalid-offsets|platform/) as string,
    });
  });

  it('damaged in any way: read, or one typed error, and never more memory than a few files', async () => {
    let seed = 17;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const files = ['views', 'of protocol 4', 'from before 1.6'].map((name) => decoded(recorded.cases[name]!.file));
    let read = 0;
    for (let run = 0; run < 1200; run++) {
      const bytes = Buffer.from(files[run % files.length]!);
      const pickle = Math.max(0, bytes.indexOf('collections') < 0 ? 0 : bytes.indexOf('PK'));
      for (let change = 0; change <= run % 4; change++)
        bytes[run % 2 === 0 ? random(bytes.length) : pickle + random(Math.min(1500, bytes.length - pickle))] =
          random(256);
      try {
        const file = await opened(bytes);
        for (const name of file.names) {
          const entry = file.entry(name);
          expect(entry.byteLength).toBeLessThanOrEqual(4 * bytes.length);
          await file.read(name);
        }
        read++;
      } catch (error) {
        if (!SafetensorsError.isInstance(error)) throw error;
      }
    }
    expect(read).toBeGreaterThan(50);
  });
});
