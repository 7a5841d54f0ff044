import { acquireLock } from '@subtext/core/node';
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { hubSettings } from './hub-settings';
import { resolveModelFolder, type DownloadProgress, type ResolveModelFolderOptions } from './resolve-model-folder';

const commit = 'a'.repeat(40);
const weights = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) & 255));

interface Repository {
  files: Record<string, Buffer>;
  /** Names stored as large files, with SHA-256 hashes. */
  large: string[];
  token?: string;
}

const repositories: Record<string, Repository> = {
  'owner/small': {
    files: {
      'config.json': Buffer.from('{"model_type":"llama"}'),
      'tokenizer.json': Buffer.from('{}'),
      'model.safetensors': weights,
      'pytorch_model.bin': Buffer.from('never asked for'),
      'model.fp16.safetensors': Buffer.from('never asked for'),
      'original/params.json': Buffer.from('never asked for'),
      'additional_chat_templates/tools.jinja': Buffer.from('tools'),
      'README.md': Buffer.from('never asked for'),
    },
    large: ['model.safetensors'],
  },
  'owner/sharded': {
    files: {
      'config.json': Buffer.from('{}'),
      'model.safetensors.index.json': Buffer.from(
        '{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}',
      ),
      'model-00001-of-00002.safetensors': weights.subarray(0, 1000),
      'model-00002-of-00002.safetensors': weights.subarray(1000, 3000),
    },
    large: ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'],
  },
  'owner/private': {
    files: { 'config.json': Buffer.from('{}'), 'model.safetensors': weights },
    large: [],
    token: 'hf_right',
  },
  'owner/pickled': {
    files: {
      'config.json': Buffer.from('{}'),
      'pytorch_model.bin': weights,
      'pytorch_model.bin.index.json': Buffer.from('never asked for'),
      'training_args.bin': Buffer.from('never asked for'),
    },
    large: ['pytorch_model.bin'],
  },
  'owner/other': { files: { 'config.json': Buffer.from('{}'), 'model.gguf': weights }, large: [] },
  gpt2: { files: { 'config.json': Buffer.from('{}'), 'model.safetensors': weights.subarray(0, 10) }, large: [] },
};

const etagOf = (content: Buffer, large: boolean): string =>
  large
    ? createHash('sha256').update(content).digest('hex')
    : createHash('sha1').update(`blob ${content.byteLength}\0`).update(content).digest('hex');

/** What the server does to a request for content, in turn; then it behaves. */
type Fault = (response: ServerResponse, part: Buffer) => void;
let faults: Fault[] = [];
/** Whether the server lists files but gives none out. */
let refused = false;
let requests: string[] = [];
let server: Server;
let endpoint: string;
let folder: string;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url!, endpoint);
  requests.push(`${request.method} ${url.pathname} ${request.headers.range ?? ''}`.trim());
  const send = (status: number, body: unknown): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const [, api, name, kind, revision, path] =
    /^\/(api\/models\/)?((?:owner\/)?[\w.-]+)\/(revision|tree|resolve)\/([^/]+)(?:\/(.+))?$/.exec(url.pathname) ?? [];
  const repository = name === undefined ? undefined : repositories[name];
  if (repository === undefined) return send(404, { error: 'Repository not found' });
  if (repository.token !== undefined && request.headers.authorization !== `Bearer ${repository.token}`)
    return send(401, { error: 'Access restricted' });
  if (revision !== 'main' && revision !== commit) return send(404, { error: 'Revision not found' });
  if (api !== undefined && kind === 'revision')
    return send(200, {
      _id: '1',
      id: name,
      sha: commit,
      private: false,
      downloads: 0,
      likes: 0,
      lastModified: '2026-01-01',
    });
  if (api !== undefined && kind === 'tree') {
    return send(
      200,
      Object.entries(repository.files).map(([file, content]) => {
        const large = repository.large.includes(file);
        const oid = etagOf(content, false);
        return {
          type: 'file',
          path: file,
          size: content.byteLength,
          oid,
          ...(large ? { lfs: { oid: etagOf(content, true), size: content.byteLength, pointerSize: 130 } } : {}),
        };
      }),
    );
  }
  if (refused) return send(403, { error: 'Accept the terms' });
  const content = repository.files[path!];
  if (content === undefined) return send(404, { error: 'Entry not found' });
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const part = range === null ? content : content.subarray(Number(range[1]), Number(range[2]) + 1);
  if (range?.[2] !== '0' && faults.length > 0) return faults.shift()!(response, part);
  response.writeHead(range === null ? 200 : 206, {
    etag: `"${etagOf(content, false)}"`,
    'content-length': part.byteLength,
    ...(range === null ? {} : { 'content-range': `bytes ${range[1]}-${range[2]}/${content.byteLength}` }),
  });
  response.end(part);
}

beforeAll(async () => {
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hub-'));
  faults = [];
  refused = false;
  requests = [];
  return () => rm(folder, { recursive: true });
});

const resolve = (
  id: string,
  options: Omit<ResolveModelFolderOptions, 'folder'> = {},
  environment: Record<string, string> = {},
): Promise<string> =>
  resolveModelFolder({
    folder: id,
    retryDelay: 1,
    ...options,
    environment: { HF_ENDPOINT: `${endpoint}/`, HF_HOME: folder, ...environment },
  });
const snapshotOf = (id: string): string => join(folder, 'hub', `models--${id.replace('/', '--')}`, 'snapshots', commit);

/** Sends so many bytes of what was asked for and hangs up. */
const breakAfter =
  (bytes: number): Fault =>
  (response, part) => {
    response.writeHead(206, { 'content-length': part.byteLength });
    response.write(part.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
  };

describe('resolveModelFolder', () => {
  it('gives a folder back as it is, and refuses what is neither folder nor id', async () => {
    expect(await resolve(folder)).toBe(folder);
    for (const path of [
      join(folder, 'nowhere'),
      './nowhere-at-all',
      `../${'x'.repeat(20)}`,
      'a/b/c',
      'a\\b',
      '',
      'owner/../x',
      'a--b/c',
    ]) {
      await expect(resolve(path), path).rejects.toMatchObject({
        code: 'not-found',
        message: expect.stringContaining('not a model id'),
      });
    }
    expect(requests).toEqual([]);
  });

  it('downloads the files that are read into the standard cache, and the next time none', async () => {
    const seen: DownloadProgress[] = [];
    const model = await resolve('owner/small', { onProgress: (progress) => seen.push(progress) });
    expect(model).toBe(snapshotOf('owner/small'));
    expect((await readdir(model, { recursive: true })).sort()).toEqual([
      'additional_chat_templates',
      'additional_chat_templates/tools.jinja',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    expect((await readFile(join(model, 'model.safetensors'))).equals(weights)).toBe(true);
    expect((await lstat(join(model, 'model.safetensors'))).isSymbolicLink()).toBe(true);
    const cache = join(model, '..', '..');
    expect(await readFile(join(cache, 'refs', 'main'), 'utf8')).toBe(commit);
    expect((await readdir(join(cache, 'blobs'))).sort()).toEqual(
      ['config.json', 'tokenizer.json', 'model.safetensors', 'additional_chat_templates/tools.jinja']
        .map((name) => etagOf(repositories['owner/small']!.files[name]!, name === 'model.safetensors'))
        .sort(),
    );
    const total = 22 + 2 + 5 + weights.byteLength;
    expect(seen.at(-1)).toEqual({
      file: 'model.safetensors',
      bytes: total,
      totalBytes: total,
      files: 4,
      totalFiles: 4,
    });
    expect(seen.every(({ bytes }, index) => index === 0 || bytes >= seen[index - 1]!.bytes)).toBe(true);

    requests = [];
    expect(await resolve('owner/small')).toBe(model);
    expect(requests.filter((request) => request.includes('/resolve/'))).toEqual([]);
    requests = [];
    expect(await resolve('owner/small', { revision: commit })).toBe(model);
    expect(requests).toEqual([]);
  });

  it('brings settings alone, without weights, where those are what is needed', async () => {
    const needs = ['tokenizer.json'];
    const model = await resolve('owner/small', { needs });
    expect((await readdir(model)).sort()).toEqual(['additional_chat_templates', 'config.json', 'tokenizer.json']);
    expect(await resolve('owner/small', { needs }, { HF_HUB_OFFLINE: '1' })).toBe(model);
    await expect(resolve('owner/small', {}, { HF_HUB_OFFLINE: '1' })).rejects.toMatchObject({ code: 'offline' });
    expect((await readdir(await resolve('owner/small'))).includes('model.safetensors')).toBe(true);
  });

  it('takes all shards, and ids without an owner', async () => {
    expect((await readdir(await resolve('owner/sharded'))).length).toBe(4);
    expect(await resolve('gpt2')).toBe(snapshotOf('gpt2'));
  });

  it('goes on where a broken transfer stopped, in the same call', async () => {
    faults = [
      (response, part) => response.writeHead(200).end(part),
      (response, part) => response.writeHead(200).end(part),
      (response, part) => response.writeHead(200).end(part),
      breakAfter(100_000),
      breakAfter(50_000),
    ];
    const model = await resolve('owner/small');
    expect((await readFile(join(model, 'model.safetensors'))).equals(weights)).toBe(true);
    const ranges = requests.filter(
      (request) => request.includes('model.safetensors') && !request.endsWith('bytes=0-0'),
    );
    expect(ranges.map((request) => request.split(' ')[2] ?? 'whole')).toEqual([
      'whole',
      'bytes=100000-299999',
      'bytes=150000-299999',
    ]);
  });

  it('goes on in a later call after being stopped', async () => {
    const controller = new AbortController();
    const stopped = resolve('owner/small', {
      signal: controller.signal,
      onProgress: ({ file, bytes }) => {
        if (file === 'model.safetensors' && bytes > 29) controller.abort();
      },
    });
    await expect(stopped).rejects.toThrow(/abort/i);
    const blobs = join(snapshotOf('owner/small'), '..', '..', 'blobs');
    const [incomplete] = (await readdir(blobs)).filter((name) => name.endsWith('.incomplete'));
    const { size } = await stat(join(blobs, incomplete!));
    expect(size).toBeGreaterThan(0);
    await expect(resolve('owner/small', {}, { HF_HUB_OFFLINE: '1' })).rejects.toMatchObject({ code: 'offline' });
    requests = [];
    expect((await readFile(join(await resolve('owner/small'), 'model.safetensors'))).equals(weights)).toBe(true);
    if (size < weights.byteLength) expect(requests.some((request) => request.includes(`bytes=${size}-`))).toBe(true);
    expect((await readdir(blobs)).filter((name) => name.includes('incomplete'))).toEqual([]);
  });

  it('starts a file anew when a server ignores ranges, and when its content is wrong', async () => {
    const blobs = join(snapshotOf('owner/small'), '..', '..', 'blobs');
    const etag = etagOf(weights, true);
    await mkdir(blobs, { recursive: true });
    await writeFile(join(blobs, `${etag}.incomplete`), weights.subarray(0, 1000));
    const good: Fault = (response, part) => response.writeHead(200).end(part);
    faults = [good, good, good, (response) => response.writeHead(200).end(weights)];
    expect((await readFile(join(await resolve('owner/small'), 'model.safetensors'))).equals(weights)).toBe(true);

    await rm(join(folder, 'hub'), { recursive: true });
    await mkdir(blobs, { recursive: true });
    await writeFile(join(blobs, `${etag}.incomplete`), Buffer.alloc(1000, 7));
    expect((await readFile(join(await resolve('owner/small'), 'model.safetensors'))).equals(weights)).toBe(true);
  });

  it('gives up on content that stays wrong, and keeps none of it', async () => {
    const wrong: Fault = (response, part) => response.writeHead(200).end(Buffer.alloc(part.byteLength));
    faults = Array.from({ length: 5 }, () => wrong);
    await expect(resolve('gpt2')).rejects.toMatchObject({
      code: 'transfer-failed',
      message: expect.stringMatching(/failed 5 times.*has the hash/),
    });
    expect(await readdir(join(snapshotOf('gpt2'), '..', '..', 'blobs'))).toEqual([]);
  });

  it('tries again when the server is busy, not when it refuses', async () => {
    faults = [(response) => response.writeHead(503).end(), (response) => response.writeHead(429).end()];
    await resolve('gpt2');
    await rm(join(folder, 'hub'), { recursive: true });
    refused = true;
    requests = [];
    await expect(resolve('gpt2')).rejects.toMatchObject({ code: 'unauthorized' });
    expect(requests.filter((request) => request.includes('/resolve/'))).toHaveLength(1);
  });

  it('downloads once when two calls want the same', async () => {
    const [first, second] = await Promise.all([resolve('owner/small'), resolve('owner/small')]);
    expect(first).toBe(second);
    expect(
      requests.filter((request) => request === `GET /owner/small/resolve/${commit}/model.safetensors`),
    ).toHaveLength(1);
  });

  it('takes over the lock of a process that is gone, at once', async () => {
    const path = join(snapshotOf('gpt2'), '..', '..', 'blobs', `${etagOf(Buffer.from('{}'), false)}.incomplete.lock`);
    await mkdir(dirname(path), { recursive: true });
    const lock = await acquireLock({ path });
    const holder = JSON.parse(await readFile(path, 'utf8')) as object;
    await lock.release();
    await writeFile(path, JSON.stringify({ ...holder, process: 2 ** 22 + 1 }));
    expect(await resolve('gpt2')).toBe(snapshotOf('gpt2'));
  });

  it.each([
    '{"process": 12',
    'null',
    '{"process":5,"machine":"another-host"}',
    JSON.stringify({ process: 1, machine: hostname() }),
    JSON.stringify({ process: process.pid, machine: hostname() }),
  ])('takes over the lock %s of earlier days', async (content) => {
    const path = join(snapshotOf('gpt2'), '..', '..', 'blobs', `${etagOf(Buffer.from('{}'), false)}.incomplete.lock`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await utimes(path, new Date(Date.now() - 172_800_000), new Date(Date.now() - 172_800_000));
    expect(await resolve('gpt2')).toBe(snapshotOf('gpt2'));
  });

  it('says for whom it waits, and ends waiting', async () => {
    const path = join(snapshotOf('gpt2'), '..', '..', 'blobs', `${etagOf(Buffer.from('{}'), false)}.incomplete.lock`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '{"process":5,"machine":"another-host"}');
    const waits: unknown[] = [];
    await expect(resolve('gpt2', { waitSeconds: 0.3, onWait: (wait) => waits.push(wait) })).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringMatching(/config\.json: waited 0\.3 seconds.*process 5 on another-host.*delete/),
    });
    expect(waits).toEqual([{ file: 'config.json', holder: { process: 5, host: 'another-host' } }]);
  });

  it('uses the token', async () => {
    await expect(resolve('owner/private')).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('Set HF_TOKEN'),
    });
    await expect(resolve('owner/private', {}, { HF_TOKEN: 'hf_wrong' })).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('no right'),
    });
    await expect(resolve('owner/private', {}, { HF_TOKEN: 'secret' })).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('hf_'),
    });
    expect(await resolve('owner/private', {}, { HF_TOKEN: 'hf_right' })).toBe(snapshotOf('owner/private'));
  });

  it('names what the hub does not have', async () => {
    await expect(resolve('owner/none')).rejects.toMatchObject({
      code: 'unknown-model',
      message: expect.stringContaining('owner/none'),
    });
    await expect(resolve('gpt2', { revision: 'v9' })).rejects.toMatchObject({
      code: 'unknown-model',
      message: expect.stringContaining('v9'),
    });
    await expect(resolve('gpt2', { revision: '../x' })).rejects.toMatchObject({ code: 'unknown-model' });
    await expect(resolve('owner/other')).rejects.toMatchObject({
      code: 'no-weights',
      message: expect.stringContaining('model.gguf'),
    });
  });

  it("takes PyTorch's own file where there are no safetensors", async () => {
    const model = await resolve('owner/pickled');
    expect((await readdir(model)).sort()).toEqual(['config.json', 'pytorch_model.bin']);
  });

  it('without network takes the cached model, or names the cache it looked in', async () => {
    const nowhere = { HF_ENDPOINT: 'http://127.0.0.1:9' };
    await expect(resolve('gpt2', {}, nowhere)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(join(folder, 'hub', 'models--gpt2')),
    });
    await expect(resolve('gpt2', {}, { HF_HUB_OFFLINE: '1' })).rejects.toMatchObject({
      code: 'offline',
      message: expect.stringContaining(join(folder, 'hub', 'models--gpt2')),
    });
    const model = await resolve('gpt2');
    requests = [];
    expect(await resolve('gpt2', {}, nowhere)).toBe(model);
    expect(await resolve('gpt2', {}, { HF_HUB_OFFLINE: 'true' })).toBe(model);
    expect(requests).toEqual([]);
    await rm(join(model, 'model.safetensors'));
    await expect(resolve('gpt2', {}, { HF_HUB_OFFLINE: 'true' })).rejects.toMatchObject({ code: 'offline' });
  });

  it('says so when it is not a hub that answers', async () => {
    const fetch = async (): Promise<Response> => new Response('<html>', { status: 200 });
    await expect(resolve('gpt2', { fetch })).rejects.toMatchObject({ code: 'invalid-answer' });
    const empty = async (): Promise<Response> => new Response('{}', { status: 200 });
    await expect(resolve('gpt2', { fetch: empty })).rejects.toMatchObject({
      code: 'invalid-answer',
      message: expect.stringContaining('no commit'),
    });
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'reads from a cache that can’t be written',
    async () => {
      const model = await resolve('gpt2');
      const parts = [
        join(folder, 'hub', 'models--gpt2'),
        ...['refs', 'blobs', 'snapshots', join('snapshots', commit)].map((part) =>
          join(folder, 'hub', 'models--gpt2', part),
        ),
      ];
      for (const part of parts) await chmod(part, 0o500);
      expect(await resolve('gpt2')).toBe(model);
      await chmod(join(model), 0o700);
      await rm(join(model, 'model.safetensors'));
      await chmod(join(model), 0o500);
      await expect(resolve('gpt2')).rejects.toMatchObject({
        code: 'input-output',
        message: expect.stringContaining('HF_HUB_CACHE'),
      });
      for (const part of parts) await chmod(part, 0o700);
    },
  );

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'says so when the cache can’t be written',
    async () => {
      await chmod(folder, 0o500);
      await expect(resolve('gpt2')).rejects.toMatchObject({ code: 'input-output' });
      await chmod(folder, 0o700);
    },
  );

  it('says so when a file stands where the cache should be', async () => {
    await writeFile(join(folder, 'hub'), '');
    await expect(resolve('gpt2')).rejects.toMatchObject({
      code: 'input-output',
      message: expect.stringContaining('HF_HUB_CACHE'),
    });
  });
});

describe('hubSettings', () => {
  it('reads what Hugging Face’s tools read, in their order', () => {
    const cache = (environment: Record<string, string>): string => hubSettings(environment).cacheFolder;
    expect(cache({ HF_HUB_CACHE: '/a', HF_HOME: '/b' })).toBe('/a');
    expect(cache({ HUGGINGFACE_HUB_CACHE: '/c', HF_HOME: '/b' })).toBe('/c');
    expect(cache({ HF_HOME: '/b', XDG_CACHE_HOME: '/d' })).toBe(join('/b', 'hub'));
    expect(cache({ XDG_CACHE_HOME: '/d' })).toBe(join('/d', 'huggingface', 'hub'));
    expect(cache({})).toMatch(/\.cache[/\\]huggingface[/\\]hub$/);
    expect(hubSettings({ HF_HUB_OFFLINE: 'ON', HF_TOKEN: ' hf_x ', HF_ENDPOINT: 'https://m/' })).toMatchObject({
      offline: true,
      token: 'hf_x',
      endpoint: 'https://m',
    });
    expect(hubSettings({ HF_HUB_OFFLINE: '0', HF_TOKEN: '' })).toMatchObject({
      offline: false,
      token: undefined,
      endpoint: 'https://huggingface.co',
    });
  });
});
