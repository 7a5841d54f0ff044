import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { type RangeServer, serveRanges } from '../test/range-server';
import { openHubFile } from './open-hub-file';

const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
const address = 'hf://datasets/org/name/data/train set.jsonl';
const path = '/datasets/org/name/resolve/main/data/train set.jsonl';

let servers: { close(): void }[] = [];
afterEach(() => {
  for (const server of servers) server.close();
  servers = [];
});

async function hub(options: Partial<Parameters<typeof serveRanges>[0]> = {}): Promise<RangeServer> {
  const server = await serveRanges({ files: { [path]: bytes }, ...options });
  servers.push(server);
  return server;
}

const open = (server: { address: string }, more: { address?: string; environment?: Record<string, string> } = {}) =>
  openHubFile({
    address: more.address ?? address,
    environment: { HF_ENDPOINT: server.address, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1', ...more.environment },
  });

describe('files of the Hub by parts', () => {
  it('fetch what is asked for and nothing else, up to the file’s end', async () => {
    const server = await hub();
    const file = await open(server);
    expect(file.size).toBe(1000);
    expect(await file.read({ from: 10, to: 20 })).toEqual(bytes.slice(10, 20));
    expect(await file.read({ from: 990, to: 5000 })).toEqual(bytes.slice(990));
    expect(await file.read({ from: 1000, to: 1010 })).toEqual(new Uint8Array());
    expect(server.asked.map((one) => one.split(' ').at(-1))).toEqual(['bytes=0-0', 'bytes=10-19', 'bytes=990-999']);
  });

  it('come from the revision that is named, `~` standing for `/`', async () => {
    const files = { '/org/model/resolve/refs/pr/3/a.txt': bytes, '/org/model/resolve/v1.2/a.txt': bytes };
    const server = await hub({ files });
    for (const revision of ['refs~pr~3', 'v1.2'])
      expect((await open(server, { address: `hf://org/model@${revision}/a.txt` })).size).toBe(1000);
  });

  it('may be empty', async () => {
    const file = await open(await hub({ files: { [path]: new Uint8Array() } }));
    expect(file.size).toBe(0);
    expect(await file.read({ from: 0, to: 10 })).toEqual(new Uint8Array());
  });

  it('are one content throughout', async () => {
    const file = await open(await hub({ etag: (answer) => `"${answer}"` }));
    await expect(file.read({ from: 0, to: 10 })).rejects.toMatchObject({
      code: 'transfer-failed',
      message: expect.stringContaining('has changed on the hub while it was read') as string,
    });
  });

  it.each(['hf://datasets/org', 'hf://datasets/org/name', 'hf://datasets/org/name/../secret', 'hf://a/b//c', 'hf:x'])(
    'have an address: %s is none',
    async (wrong) => {
      const server = await hub();
      await expect(open(server, { address: wrong })).rejects.toMatchObject({ code: 'not-found' });
      expect(server.asked).toEqual([]);
    },
  );

  it.each([
    [404, 'unknown-model', 'Check the data set'],
    [401, 'unauthorized', 'Set HF_TOKEN'],
    [503, 'unreachable', '503'],
  ])('say what the status %i means', async (status, code, told) => {
    const server = await hub({ status });
    await expect(open(server)).rejects.toMatchObject({ code, message: expect.stringContaining(told) as string });
  });

  it('need the network, and a hub that gives parts and sends all of them', async () => {
    const offline = open(await hub(), { environment: { HF_HUB_OFFLINE: '1' } });
    await expect(offline).rejects.toMatchObject({ code: 'offline' });
    await expect(open({ address: 'http://127.0.0.1:9' })).rejects.toMatchObject({ code: 'unreachable' });
    const serve = async (answer: Parameters<typeof createServer>[1]) => {
      const server = createServer(answer as never);
      servers.push(server);
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    };
    const whole = await serve((_, response) => void response.writeHead(200, { 'content-length': 1000 }).end(bytes));
    await expect(open(whole)).rejects.toMatchObject({ code: 'invalid-answer' });
    const silent = await serve((_, response) => void response.writeHead(206).end('x'));
    await expect(open(silent)).rejects.toMatchObject({ code: 'invalid-answer' });
    const short = await open(
      await serve((_, response) => void response.writeHead(206, { 'content-range': 'bytes 0-9/1000' }).end('short')),
    );
    await expect(short.read({ from: 0, to: 10 })).rejects.toMatchObject({ code: 'transfer-failed' });
  });
});
