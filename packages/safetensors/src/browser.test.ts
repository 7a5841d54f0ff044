import { build } from 'esbuild';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { blobSource } from './blob-source';
import { httpSource } from './http-source';
import { openSafetensorsFrom } from './safetensors-file';
import { serializeSafetensors } from './serialize';

const bytes = serializeSafetensors({
  tensors: {
    a: { dtype: 'F16', shape: [2], data: new Float32Array([1, -2]) },
    b: { dtype: 'I32', shape: [1], data: new Int32Array([7]) },
  },
});

it('has no Node module in it', async () => {
  const result = await build({
    entryPoints: [new URL('./browser.ts', import.meta.url).pathname],
    bundle: true,
    platform: 'browser',
    format: 'esm',
    write: false,
    metafile: true,
  });
  expect(result.warnings).toEqual([]);
  expect(Object.keys(result.metafile.inputs).filter((path) => path.includes('node/'))).toEqual([]);
  expect(result.outputFiles[0]!.text).not.toMatch(/\b(Buffer|process|require)\b/);
});

it('reads a Blob', async () => {
  const file = await openSafetensorsFrom(
    blobSource({ blob: new Blob([new Uint8Array(bytes)]), label: 'chosen.safetensors' }),
  );
  expect([...(await file.readFloat32('a'))]).toEqual([1, -2]);
  await expect(
    openSafetensorsFrom(blobSource({ blob: new Blob(['no']), label: 'chosen.safetensors' })),
  ).rejects.toThrow(/^chosen\.safetensors: 2 bytes are too few/);
});

describe('an address', () => {
  let server: Server;
  let address: string;
  const requested: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      requested.push(request.headers.range ?? 'none');
      const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '')!;
      if (request.url === '/missing') return void response.writeHead(404).end();
      if (request.url === '/plain') return void response.writeHead(200).end(bytes);
      if (request.url === '/private' && request.headers.authorization !== 'Bearer t')
        return void response.writeHead(401).end();
      const part = bytes.subarray(Number(first), Math.min(Number(last) + 1, bytes.byteLength));
      const body = request.url === '/short' && Number(first) > 8 ? part.subarray(1) : part;
      response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${bytes.byteLength}` }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('is read by ranges: the header and the tensors asked for', async () => {
    const file = await openSafetensorsFrom(
      await httpSource({ url: `${address}/model`, headers: { authorization: 'Bearer t' } }),
    );
    requested.length = 0;
    expect((await file.read('b')).data).toEqual(new Int32Array([7]));
    expect(requested).toHaveLength(1);
    expect([...(await file.readFloat32('a'))]).toEqual([1, -2]);
  });

  it('is refused with the reason', async () => {
    const open = async (url: string) => openSafetensorsFrom(await httpSource({ url }));
    await expect(open(`${address}/missing`)).rejects.toMatchObject({ code: 'not-found' });
    await expect(open(`${address}/private`)).rejects.toThrow(/401/);
    await expect(open(`${address}/plain`)).rejects.toThrow(/range requests/);
    const short = await open(`${address}/short`);
    await expect(short.read('b')).rejects.toMatchObject({ code: 'truncated' });
    await expect(open('http://127.0.0.1:1/x')).rejects.toThrow(/can't reach the server/);
  });

  it('has a limit of time, and no secret of its address in a message', async () => {
    const silent = createServer((request, response) => {
      if (request.url!.startsWith('/stops') && request.headers.range !== 'bytes=0-0')
        response.writeHead(206, { 'content-range': 'bytes 0-7/100' }).write('x');
      else if (request.url!.startsWith('/stops'))
        response.writeHead(206, { 'content-range': 'bytes 0-0/100' }).end('x');
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    for (const path of ['/never', '/stops']) {
      const error = await httpSource({ url: `${base}${path}?X-Amz-Signature=hunter22`, idleSeconds: 0.3 })
        .then(openSafetensorsFrom)
        .catch((thrown: unknown) => thrown as Error);
      expect(error).toMatchObject({
        code: 'input-output',
        message: expect.stringContaining('nothing came for 0.3 seconds'),
      });
      expect((error as Error).message).not.toContain('hunter22');
    }
    silent.closeAllConnections();
    silent.close();
  });
});
