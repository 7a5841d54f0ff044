import { fork } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openSafetensors } from './open';
import type { TensorPart } from './tensor-writer';
import { writeSafetensors, writeSafetensorsStream } from './write';
import { writeShardedSafetensors } from './write-sharded';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safetensors-write-'));
});
afterAll(() => rm(folder, { recursive: true }));

const one = (value: number) => ({ a: { dtype: 'F32' as const, shape: [2], data: new Float32Array([value, value]) } });

describe('a file appears whole or not at all', () => {
  it('leaves the old file and no other when the tensors are refused or the generator throws', async () => {
    const path = join(folder, 'kept.safetensors');
    await writeSafetensors({ path, tensors: one(1) });
    const tensors = { a: { dtype: 'F32' as const, shape: [2] } };
    const attempts: [Iterable<TensorPart>, RegExp][] = [
      [[], /takes 8 bytes.*has 0/],
      [[{ name: 'a', data: new Float32Array(3) }], /at least 12/],
      [[{ name: 'b', data: new Float32Array(2) }], /"b" was not declared/],
      [[{ name: 'a', data: new Float64Array(1) }], /needs its data in a Float32Array, not a Float64Array/],
      [
        (function* () {
          yield { name: 'a', data: new Float32Array(2) };
          throw new Error('the source broke');
        })(),
        /the source broke/,
      ],
    ];
    for (const [parts, message] of attempts) {
      await expect(writeSafetensorsStream({ path, tensors, parts })).rejects.toThrow(message);
      await expect(
        writeSafetensorsStream({ path: join(folder, 'new.safetensors'), tensors, parts: [] }),
      ).rejects.toThrow();
    }
    expect(await readdir(folder)).toEqual(['kept.safetensors']);
    const file = await openSafetensors({ path });
    expect(await file.readFloat32('a')).toEqual(new Float32Array([1, 1]));
    await file.close();
  });

  it('survives kills at any moment: what stands under the name is one of the whole files', async () => {
    const path = join(folder, 'killed.safetensors');
    const program = join(folder, 'writer.mjs');
    // The writer under test is built on the fly, as a program that overwrites one file again and again.
    const { build } = await import('esbuild');
    await build({
      stdin: {
        contents: `
          import { writeSafetensors } from './write';
          for (let round = 1; ; round += 1) {
            const data = new Float32Array(250_000).fill(round);
            await writeSafetensors({ path: process.argv[2], tensors: { a: { dtype: 'F32', shape: [data.length], data } } });
            process.send?.(round);
          }`,
        resolveDir: import.meta.dirname,
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: program,
    });
    for (let kill = 0; kill < 6; kill += 1) {
      const child = fork(program, [path], { stdio: 'ignore' });
      const exited = new Promise((resolve) => child.once('exit', resolve));
      await new Promise((resolve) => child.once('message', resolve));
      await new Promise((resolve) => setTimeout(resolve, 7 * kill));
      child.kill('SIGKILL');
      await exited;
      const file = await openSafetensors({ path });
      const values = await file.readFloat32('a');
      expect(values[0]).toBeGreaterThan(0);
      expect(values.every((value) => value === values[0])).toBe(true);
      await file.close();
    }
  });

  it('does not put a file in the place of a folder or a device', async () => {
    const taken = join(folder, 'taken');
    await mkdir(taken);
    for (const path of [taken, '/dev/null']) {
      await expect(writeSafetensors({ path, tensors: one(1) })).rejects.toMatchObject({
        code: 'input-output',
        message: expect.stringContaining('a folder, pipe or device with this name exists'),
      });
    }
    await rm(taken, { recursive: true });
  });

  it('names the folder that is missing', async () => {
    await expect(
      writeSafetensors({ path: join(folder, 'no', 'x.safetensors'), tensors: one(1) }),
    ).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(join('no', 'x.safetensors')),
    });
  });
});

describe('writeSafetensorsStream', () => {
  it('takes parts of tensors in any order from an async generator', async () => {
    const path = join(folder, 'stream.safetensors');
    async function* parts(): AsyncGenerator<TensorPart> {
      yield { name: 'b', data: new Int8Array([1, 2]) };
      yield { name: 'a', data: new Float32Array([1, 2]) };
      yield { name: 'b', data: new Int8Array([3]) };
      yield { name: 'a', data: new Float32Array([3, 4]) };
    }
    await writeSafetensorsStream({
      path,
      tensors: {
        a: { dtype: 'BF16', shape: [2, 2] },
        b: { dtype: 'I8', shape: [3] },
        none: { dtype: 'F32', shape: [0] },
      },
      parts: parts(),
    });
    const file = await openSafetensors({ path });
    expect([...(await file.readFloat32('a'))]).toEqual([1, 2, 3, 4]);
    expect([...(await file.readFloat32('b'))]).toEqual([1, 2, 3]);
    await file.close();
  });
});

describe('writeShardedSafetensors', () => {
  const tensors = Object.fromEntries(
    Array.from({ length: 7 }, (_, index) => [
      `layer.${index}.weight`,
      { dtype: 'F32' as const, shape: [10], data: new Float32Array(10).fill(index) },
    ]),
  );

  it('divides by size, reads back as one, and replaces what an earlier save left', async () => {
    const model = join(folder, 'model');
    expect(await writeShardedSafetensors({ folder: model, tensors })).toEqual({
      files: ['model.safetensors'],
      index: undefined,
      totalBytes: 280,
    });
    const written = await writeShardedSafetensors({ folder: model, tensors, maximumShardBytes: 100 });
    expect(written.files).toHaveLength(4);
    expect((await readdir(model)).sort()).toEqual([
      'model-00001-of-00004.safetensors',
      'model-00002-of-00004.safetensors',
      'model-00003-of-00004.safetensors',
      'model-00004-of-00004.safetensors',
      'model.safetensors.index.json',
    ]);
    expect(JSON.parse(await readFile(join(model, written.index!), 'utf8')).metadata.total_size).toBe(280);
    for (const path of [model, join(model, 'model.safetensors.index.json')]) {
      const file = await openSafetensors({ path });
      expect(file.names).toEqual(Object.keys(tensors));
      expect({ ...file.metadata }).toEqual({ format: 'pt' });
      expect((await file.readFloat32('layer.5.weight'))[0]).toBe(5);
      await expect(file.read('layer.9.weight')).rejects.toMatchObject({
        code: 'unknown-tensor',
        message: expect.stringContaining('layer.0.weight'),
      });
      await file.close();
    }
    await writeShardedSafetensors({ folder: model, tensors, maximumShardBytes: 120 });
    expect((await readdir(model)).filter((name) => name.includes('of-00004'))).toEqual([]);
    await writeFile(join(model, 'other.safetensors'), 'kept');
    await writeShardedSafetensors({ folder: model, tensors });
    expect((await readdir(model)).sort()).toEqual(['model.safetensors', 'other.safetensors']);
  });

  it('streams into several files and leaves nothing when the stream is short', async () => {
    const model = join(folder, 'streamed');
    const declared = { a: { dtype: 'F16' as const, shape: [8] }, b: { dtype: 'F16' as const, shape: [8] } };
    await expect(
      writeShardedSafetensors({
        folder: model,
        tensors: declared,
        maximumShardBytes: 16,
        parts: [{ name: 'a', data: new Float32Array(8) }],
      }),
    ).rejects.toMatchObject({ code: 'invalid-tensor' });
    expect(await readdir(model)).toEqual([]);
    const names = ['b', 'a'];
    await writeShardedSafetensors({
      folder: model,
      tensors: declared,
      maximumShardBytes: 16,
      parts: names.map((name) => ({ name, data: new Float32Array(8).fill(0.5) })),
    });
    expect((await readdir(model)).length).toBe(3);
  });

  it('refuses an index that lies', async () => {
    const model = join(folder, 'lies');
    await writeShardedSafetensors({ folder: model, tensors, maximumShardBytes: 150 });
    const index = join(model, 'model.safetensors.index.json');
    const honest = await readFile(index, 'utf8');
    const open = async (text: string) => {
      await writeFile(index, text);
      const file = await openSafetensors({ path: model });
      await file.close();
    };
    await open(honest);
    const file = 'model-00001-of-00003.safetensors';
    await expect(open(honest.replace('"layer.0.weight"', '"layer.8.weight"'))).rejects.toMatchObject({
      code: 'invalid-index',
      message: expect.stringContaining('layer.8.weight'),
    });
    await expect(open(honest.replace('"layer.0.weight"', '"layer.1.weight"'))).rejects.toMatchObject({
      code: 'duplicate-name',
    });
    for (const elsewhere of ['../x.safetensors', '/etc/passwd', 'a/b.safetensors', 'x.bin', '']) {
      await expect(open(honest.replace(file, elsewhere)), elsewhere).rejects.toMatchObject({ code: 'invalid-index' });
    }
    await expect(open('{"weight_map":{}}')).rejects.toMatchObject({ code: 'invalid-index' });
    await expect(open('{"metadata":')).rejects.toMatchObject({ code: 'invalid-index' });
    await expect(open(honest.replaceAll(file, 'missing.safetensors'))).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('missing.safetensors'),
    });
    await open(honest);
    await writeSafetensors({ path: join(model, 'model-00002-of-00003.safetensors'), tensors });
    await expect(open(honest)).rejects.toMatchObject({
      code: 'duplicate-name',
      message: expect.stringMatching(/is in both model-0000\d-of-00003/),
    });
  });
});

describe('openSafetensors', () => {
  it('names what is missing, and what is there instead', async () => {
    await expect(openSafetensors({ path: join(folder, 'nowhere') })).rejects.toMatchObject({ code: 'not-found' });
    const empty = await mkdtemp(join(folder, 'empty-'));
    await writeFile(join(empty, 'pytorch_model.bin'), '');
    await expect(openSafetensors({ path: empty })).rejects.toThrow(/none of model\.safetensors.*pytorch_model\.bin/);
  });

  it('reads into memory it is given, of the right size only', async () => {
    const path = join(folder, 'into.safetensors');
    await writeSafetensors({ path, tensors: { h: { dtype: 'F16', shape: [3], data: new Float32Array([1, 2, 3]) } } });
    const file = await openSafetensors({ path });
    const floats = new Float32Array(3);
    expect(await file.readFloat32('h', { into: floats })).toBe(floats);
    expect([...floats]).toEqual([1, 2, 3]);
    const halves = new Uint16Array(3);
    expect((await file.read('h', { into: halves })).data).toEqual(halves);
    expect(halves[0]).toBe(0x3c00);
    await expect(file.readFloat32('h', { into: new Float32Array(4) })).rejects.toMatchObject({
      code: 'invalid-tensor',
    });
    await expect(file.read('h', { into: new Uint16Array(2) })).rejects.toMatchObject({ code: 'invalid-tensor' });
    await file.close();
  });

  it('converts a tensor longer than one chunk, and says so when the file shrinks under it', async () => {
    const path = join(folder, 'long.safetensors');
    const length = 5_000_001;
    const data = Float32Array.from({ length }, (_, index) => index % 251);
    await writeSafetensors({ path, tensors: { long: { dtype: 'BF16', shape: [length], data } } });
    const file = await openSafetensors({ path });
    const read = await file.readFloat32('long');
    expect(read.every((value, index) => value === data[index])).toBe(true);
    await truncate(path, (await stat(path)).size - 1_000_000);
    await expect(file.read('long')).rejects.toMatchObject({
      code: 'truncated',
      message: expect.stringContaining('cut short while it was open'),
    });
    await file.close();
    await file.close();
    await expect(openSafetensors({ path })).rejects.toMatchObject({
      code: 'truncated',
      message: expect.stringContaining(path),
    });
  });
});
