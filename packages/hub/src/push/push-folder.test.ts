import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { HubError } from '../hub-error';
import { planPush } from './push-plan';
import { pushFolder, type PushFolderOptions } from './push-folder';

const secret = 'hf_SECRETsecret';
const weights = Buffer.from(Array.from({ length: 25_000 }, (_, index) => index % 251));
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

let servers: Server[] = [];
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-push-'));
  await mkdir(join(folder, 'adapter'));
  await mkdir(join(folder, 'checkpoints'));
  await writeFile(join(folder, 'config.json'), '{"model_type":"llama"}');
  await writeFile(join(folder, 'model.safetensors'), weights);
  await writeFile(join(folder, 'adapter', 'adapter_config.json'), '{}');
  await writeFile(join(folder, 'README.md'), 'as it was');
  await writeFile(join(folder, 'checkpoints', 'position.json'), '{}');
  await writeFile(join(folder, '.lock'), '');
  await symlink(join(folder, 'config.json'), join(folder, 'link.json'));
});
afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
  await rm(folder, { recursive: true });
});

interface Asked {
  method: string;
  path: string;
  body: Buffer;
  token: boolean;
  length?: string;
}

/** A server that notes what it is asked; `answer` gives the answer, or undefined for 404. */
async function serve(
  answer: (asked: Asked, response: ServerResponse) => unknown,
): Promise<{ address: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const body = Buffer.concat(parts);
      const one = {
        method,
        path: url,
        body,
        token: headers.authorization !== undefined,
        length: headers['content-length'],
      };
      asked.push(one);
      const value = answer(one, response);
      if (response.writableEnded) return;
      response.writeHead(value === undefined ? 404 : 200, { 'content-type': 'application/json', etag: '"part"' });
      response.end(JSON.stringify(value ?? { error: 'not here' }));
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

interface Behaviour {
  /** Bytes of a part, where large files go up in parts. */
  chunk?: number;
  /** Whether the hub has the large file already. */
  known?: boolean;
  /** How often the storage fails before it takes anything. */
  failures?: number;
  commit?: (response: ServerResponse) => unknown;
  create?: (response: ServerResponse) => unknown;
}

/** A hub with a storage on another host. */
async function hub({ chunk, known = false, failures = 0, commit, create }: Behaviour = {}) {
  let left = failures;
  const storage = await serve((_, response) => {
    if (left > 0) {
      left -= 1;
      return void response.writeHead(503).end();
    }
    return {};
  });
  const main = await serve(({ path, body }, response) => {
    const told = (): Record<string, unknown> => JSON.parse(body.toString()) as Record<string, unknown>;
    if (path === '/api/repos/create') return create ? create(response) : { url: 'there' };
    if (path === '/api/models/mine/model/preupload/main')
      return {
        files: (told()['files'] as { path: string }[]).map((file) => ({
          path: file.path,
          uploadMode: file.path.endsWith('.safetensors') ? 'lfs' : 'regular',
          shouldIgnore: file.path === 'ignored.txt',
        })),
      };
    if (path === '/mine/model.git/info/lfs/objects/batch') {
      const objects = told()['objects'] as { oid: string; size: number }[];
      return {
        objects: objects.map(({ oid, size }) => {
          if (known) return { oid, size };
          const parts = Array.from({ length: Math.ceil(size / (chunk ?? size)) }, (_, index) => [
            String(index + 1).padStart(5, '0'),
            `${storage.address}/part/${index + 1}`,
          ]);
          const upload = chunk
            ? { href: `${main.address}/complete`, header: { chunk_size: String(chunk), ...Object.fromEntries(parts) } }
            : { href: `${storage.address}/whole` };
          return { oid, size, actions: { upload, verify: { href: `${main.address}/verify` } } };
        }),
      };
    }
    if (path === '/complete' || path === '/verify') return {};
    if (path === '/api/models/mine/model/commit/main') return commit ? commit(response) : { commitOid: 'c'.repeat(40) };
    return undefined;
  });
  return { ...main, storage };
}

const push = (address: string, options: Partial<PushFolderOptions> = {}) =>
  pushFolder({
    folder,
    id: 'mine/model',
    environment: { HF_ENDPOINT: address, HF_TOKEN: secret },
    retryDelay: 1,
    ...options,
  });

it('plans what belongs to a model: no hidden files, locks, links and checkpoints; texts take the place of files', async () => {
  const files = await planPush({ folder, texts: { 'README.md': 'a card', LICENSE: 'MIT' } });
  expect(files.map(({ path, size }) => [path, size])).toEqual([
    ['LICENSE', 3],
    ['README.md', 6],
    ['adapter/adapter_config.json', 2],
    ['config.json', 22],
    ['model.safetensors', 25_000],
  ]);
  await expect(planPush({ folder: join(folder, 'none') })).rejects.toMatchObject({ code: 'not-found' });
  await expect(planPush({ folder: join(folder, 'checkpoints', 'none') })).rejects.toBeInstanceOf(HubError);
});

it('makes the repository, sends large files to their storage without the token, and commits all at once', async () => {
  const { address, asked, storage } = await hub();
  const progress: number[] = [];
  const pushed = await push(address, {
    texts: { 'README.md': 'a card' },
    message: 'The third',
    onProgress: ({ bytes, totalBytes }) => progress.push(bytes / totalBytes),
  });
  expect(pushed).toEqual({ url: `${address}/mine/model`, commit: 'c'.repeat(40), files: 4, bytes: 25_030 });
  expect(progress.at(-1)).toBe(1);
  expect(asked.map(({ path }) => path)).toEqual([
    '/api/repos/create',
    '/api/models/mine/model/preupload/main',
    '/mine/model.git/info/lfs/objects/batch',
    '/verify',
    '/api/models/mine/model/commit/main',
  ]);
  expect(asked.every(({ token }) => token)).toBe(true);
  expect(JSON.parse(asked[0]!.body.toString())).toMatchObject({ type: 'model', name: 'model', organization: 'mine' });
  expect(storage.asked).toMatchObject([{ method: 'PUT', path: '/whole', token: false, length: '25000' }]);
  expect(storage.asked[0]!.body.equals(weights)).toBe(true);
  const lines = asked
    .at(-1)!
    .body.toString()
    .split('\n')
    .map((line) => JSON.parse(line) as { key: string; value: Record<string, unknown> });
  expect(lines[0]).toEqual({ key: 'header', value: { summary: 'The third', description: '' } });
  expect(lines.slice(1).map(({ key, value }) => [key, value['path']])).toEqual([
    ['file', 'README.md'],
    ['file', 'adapter/adapter_config.json'],
    ['file', 'config.json'],
    ['lfsFile', 'model.safetensors'],
  ]);
  expect(Buffer.from(lines[1]!.value['content'] as string, 'base64').toString()).toBe('a card');
  expect(lines[4]!.value).toMatchObject({ algo: 'sha256', oid: sha256(weights), size: 25_000 });
});

it('sends a file in parts where the hub asks for it, and again where the storage fails', async () => {
  const { address, asked, storage } = await hub({ chunk: 10_000, failures: 2 });
  await push(address);
  const sent = storage.asked.slice(2);
  expect(sent.map(({ path, length }) => [path, length])).toEqual([
    ['/part/1', '10000'],
    ['/part/2', '10000'],
    ['/part/3', '5000'],
  ]);
  expect(Buffer.concat(sent.map(({ body }) => body)).equals(weights)).toBe(true);
  const complete = asked.find(({ path }) => path === '/complete')!;
  expect(JSON.parse(complete.body.toString())).toEqual({
    oid: sha256(weights),
    parts: [1, 2, 3].map((partNumber) => ({ partNumber, etag: '"part"' })),
  });
});

it('sends nothing that the hub has, and leaves out what its settings ignore', async () => {
  await writeFile(join(folder, 'ignored.txt'), 'x');
  const { address, asked, storage } = await hub({
    known: true,
    create: (response) => void response.writeHead(409).end('{}'),
  });
  const { files } = await push(address);
  expect(files).toBe(4);
  expect(storage.asked).toEqual([]);
  expect(asked.at(-1)!.body.toString()).not.toContain('ignored.txt');
});

it('says what is wrong, and never the token', async () => {
  const { address } = await hub();
  await expect(push(address, { id: 'model' })).rejects.toMatchObject({ code: 'not-found' });
  await expect(
    push(address, { environment: { HF_ENDPOINT: address, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' } }),
  ).rejects.toMatchObject({
    code: 'unauthorized',
    message: expect.stringContaining('HF_TOKEN'),
  });
  const refusing = await hub({
    create: (response) => void response.writeHead(403).end(JSON.stringify({ error: `no rights for ${secret}` })),
  });
  await expect(push(refusing.address)).rejects.toSatisfy(
    (error: HubError) => error.code === 'unauthorized' && /403/.test(error.message) && !error.message.includes(secret),
  );
  const failing = await hub({ commit: (response) => void response.writeHead(500).end('{}') });
  await expect(push(failing.address)).rejects.toMatchObject({ code: 'transfer-failed' });
  await expect(push('http://127.0.0.1:9')).rejects.toMatchObject({ code: 'unreachable' });
});

it('sends nothing to an address that is none, and no token to another host that a hub leads to', async () => {
  const other = await serve(() => ({}));
  const leading = await hub({
    create: (response) => void response.writeHead(307, { location: `${other.address}/api/repos/create` }).end(),
  });
  await expect(push(leading.address)).rejects.toMatchObject({ code: 'unreachable' });
  expect(other.asked).toEqual([]);
});
