import { createHash } from 'node:crypto';
import { link, lstat, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { HubError } from './hub-error';
import { accessToken, hubSettings } from './hub-settings';
import { resolveModelFolder, type ResolveModelFolderOptions } from './resolve-model-folder';

const commit = 'b'.repeat(40);
const secret = 'hf_SECRETsecret';
const config = Buffer.from('{"model_type":"llama"}');
const weights = Buffer.alloc(5000, 3);
const git = (content: Buffer): string =>
  createHash('sha1').update(`blob ${content.byteLength}\0`).update(content).digest('hex');
interface Listed {
  type: string;
  path: unknown;
  size: unknown;
  oid: unknown;
}
const listed = (path: string, content: Buffer): Listed => ({
  type: 'file',
  path,
  size: content.byteLength,
  oid: git(content),
});
const usual = (): Listed[] => [listed('config.json', config), listed('model.safetensors', weights)];

/** What a request may be met with, by its kind; the default is a hub that behaves. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void;
interface Behaviour {
  info?: Answer;
  tree?: Answer;
  file?: Answer;
}

const json = (response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void =>
  void response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
const sendFile: Answer = ({ url, headers }, response) => {
  const content = url!.endsWith('config.json') ? config : weights;
  const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
  response
    .writeHead(from === 0 ? 200 : 206, { 'content-length': content.byteLength - from })
    .end(content.subarray(from));
};
const endless = (response: ServerResponse, piece: Buffer): void => {
  const write = (): void => {
    while (!response.destroyed && response.write(piece));
    if (!response.destroyed) response.once('drain', write);
  };
  write();
};

let servers: Server[] = [];
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hostile-hub-'));
});
afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
  await rm(folder, { recursive: true });
});

async function serve(answer: Answer): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A hub, and whether each of its requests carried the token. */
async function hub({ info, tree, file }: Behaviour): Promise<{ endpoint: string; tokens: boolean[] }> {
  const tokens: boolean[] = [];
  const endpoint = await serve((request, response) => {
    tokens.push(request.headers.authorization === `Bearer ${secret}`);
    const url = request.url!;
    if (url.includes('/tree/')) return (tree ?? ((_, answer) => json(answer, usual())))(request, response);
    if (url.startsWith('/api/')) return (info ?? ((_, answer) => json(answer, { sha: commit })))(request, response);
    return (file ?? sendFile)(request, response);
  });
  return { endpoint, tokens };
}

const resolve = (
  endpoint: string,
  options: Omit<ResolveModelFolderOptions, 'folder'> = {},
  environment: Record<string, string> = {},
): Promise<string> =>
  resolveModelFolder({
    folder: 'owner/model',
    retryDelay: 1,
    ...options,
    environment: { HF_ENDPOINT: endpoint, HF_HOME: folder, HF_TOKEN: secret, ...environment },
  });
const cache = (...parts: string[]): string => join(folder, 'hub', 'models--owner--model', ...parts);

async function failure(promise: Promise<unknown>): Promise<HubError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(HubError);
  expect(String((error as Error).stack)).not.toContain(secret);
  return error as HubError;
}

describe('the token', () => {
  it('stays with the endpoint where files, lists and answers are redirected', async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url!.includes('/tree/')) json(response, usual());
      else if (request.url!.startsWith('/api/')) json(response, { sha: commit });
      else sendFile(request, response);
    });
    const away: Answer = ({ url }, response) =>
      void response
        .writeHead(302, {
          location: `${elsewhere}${url}`,
          'x-cache': 'Hit from cloudfront',
          'x-xet-hash': 'f'.repeat(64),
        })
        .end();
    for (const behaviour of [{ file: away }, { tree: away }, { info: away }]) {
      const { endpoint, tokens } = await hub(behaviour);
      await resolve(endpoint);
      expect(tokens.every(Boolean)).toBe(true);
      await rm(join(folder, 'hub'), { recursive: true });
    }
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.every((token) => token === undefined)).toBe(true);
  });

  it('stays with the endpoint where the list goes on at another host', async () => {
    const seen: string[] = [];
    const elsewhere = await serve(({ url }, response) => {
      seen.push(url!);
      json(response, []);
    });
    const { endpoint } = await hub({
      tree: (_, response) => json(response, usual(), { link: `<${elsewhere}/steal?page=2>; rel="next"` }),
    });
    expect(await failure(resolve(endpoint))).toMatchObject({
      code: 'invalid-answer',
      message: expect.stringContaining(new URL(elsewhere).host),
    });
    expect(seen).toEqual([]);
  });

  it('goes to no host beside an address with a password of its own, which is not printed', async () => {
    const seen: (string | undefined)[] = [];
    const address = await serve(({ headers }, response) => {
      seen.push(headers.authorization);
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: `bad hunter22 ${headers.authorization}` }));
    });
    const error = await failure(resolve(address.replace('//', '//me:hunter22@')));
    expect(seen).toEqual([`Basic ${Buffer.from('me:hunter22').toString('base64')}`]);
    expect(error.message).not.toMatch(/hunter22/);
    for (const endpoint of [
      'http://me:hunter22@127.0.0.1:9',
      'http://me:hun/ter22@127.0.0.1',
      'ftp://me:hunter22@host',
      'https://host?key=hunter22',
    ]) {
      const { message } = await failure(resolve(endpoint));
      expect(message).not.toMatch(/hunter22|ter22/);
    }
  });

  it('is not printed where a hub sends it back, nor where no header can hold it', async () => {
    const { endpoint } = await hub({
      info: ({ headers }, response) =>
        void response.writeHead(400).end(JSON.stringify({ error: `no: ${headers.authorization}\u001b]0;title\u0007` })),
    });
    const { message } = await failure(resolve(endpoint));
    expect(message).toContain('no: Bearer ***\\u001b]0;title\\u0007');
    expect(await failure(resolve(endpoint, {}, { HF_TOKEN: `${secret} x\u0000` }))).toMatchObject({
      code: 'unauthorized',
    });
  });

  it('is that of hf auth login where the environment has none', async () => {
    await writeFile(join(folder, 'token'), `${secret}\r\n`);
    await writeFile(join(folder, 'other'), 'hf_other');
    const token = (environment: Record<string, string>): Promise<string | undefined> =>
      accessToken({ settings: hubSettings({ HF_HOME: folder, ...environment }), given: undefined });
    expect(await token({})).toBe(secret);
    expect(await token({ HF_TOKEN_PATH: join(folder, 'other') })).toBe('hf_other');
    expect(await token({ HF_TOKEN: 'hf_first' })).toBe('hf_first');
    expect(await token({ HUGGING_FACE_HUB_TOKEN: 'hf_old' })).toBe('hf_old');
    expect(await token({ HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined();
    expect(await token({ HF_TOKEN_PATH: join(folder, 'none') })).toBeUndefined();
    expect(await token({ HF_ENDPOINT: 'https://me:pass@mirror' })).toBeUndefined();
    await expect(token({ HF_TOKEN_PATH: folder })).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

describe('limits', () => {
  const quick = { HF_HUB_ETAG_TIMEOUT: '1.5', HF_HUB_DOWNLOAD_TIMEOUT: '1.5' };

  it.each<[string, Behaviour, string]>([
    ['an answer that never comes', { info: () => {} }, 'unreachable'],
    [
      'an answer without end',
      { info: (_, response) => endless(response.writeHead(200), Buffer.alloc(65_536, ' ')) },
      'invalid-answer',
    ],
    ['an answer that stops', { info: (_, response) => void response.writeHead(200).write('{"sha":') }, 'unreachable'],
    [
      'an error without end',
      { info: (_, response) => endless(response.writeHead(500), Buffer.alloc(65_536, 'x')) },
      'unreachable',
    ],
    [
      'redirects in a circle',
      { info: ({ url }, response) => void response.writeHead(302, { location: url! }).end() },
      'invalid-answer',
    ],
    [
      'a redirect to a file',
      { info: (_, response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end() },
      'invalid-answer',
    ],
    ['null for an answer', { info: (_, response) => json(response, null) }, 'invalid-answer'],
    ['a commit that is a path', { info: (_, response) => json(response, { sha: '../../../etc' }) }, 'invalid-answer'],
    ['no list', { tree: (_, response) => json(response, { a: 1 }) }, 'invalid-answer'],
    ['a list of null', { tree: (_, response) => json(response, [null]) }, 'invalid-answer'],
    [
      'a hash that is a path',
      { tree: (_, response) => json(response, [{ ...listed('config.json', config), oid: '../../../x' }]) },
      'invalid-answer',
    ],
    [
      'a negative length',
      { tree: (_, response) => json(response, [{ ...listed('config.json', config), size: -1 }]) },
      'invalid-answer',
    ],
    [
      'pages in a circle',
      {
        tree: ({ url, headers }, response) =>
          json(response, usual(), { link: `<http://${headers.host}${url}>; rel="next"` }),
      },
      'invalid-answer',
    ],
    [
      'pages without end',
      {
        tree: ({ url }, response) =>
          json(response, [], { link: `<${url!.split('?')[0]}?cursor=${Math.random()}>; rel="next"` }),
      },
      'invalid-answer',
    ],
    [
      'files without end',
      {
        tree: ({ url }, response) =>
          json(
            response,
            Array.from({ length: 20_000 }, () => listed('a/b', config)),
            { link: `<${url!.split('?')[0]}?cursor=${Math.random()}>; rel="next"` },
          ),
      },
      'invalid-answer',
    ],
    [
      'thousands of settings',
      {
        tree: (_, response) =>
          json(response, [
            ...usual(),
            ...Array.from({ length: 2000 }, (_entry, index) => listed(`f${index}.json`, config)),
          ]),
      },
      'invalid-answer',
    ],
    [
      'a file listed twice',
      { tree: (_, response) => json(response, [...usual(), listed('config.json', weights)]) },
      'invalid-answer',
    ],
    [
      'more bytes than any disk has',
      {
        tree: (_, response) =>
          json(response, [...usual(), { ...listed('big.json', config), size: Number.MAX_SAFE_INTEGER - 10_000 }]),
      },
      'input-output',
    ],
    [
      'a length that is not the file’s',
      {
        tree: (_, response) =>
          json(response, [{ ...listed('config.json', config), size: 23 }, listed('model.safetensors', weights)]),
      },
      'transfer-failed',
    ],
    ['a file that never comes', { file: () => {} }, 'transfer-failed'],
    [
      'a file without end',
      { file: (_, response) => endless(response.writeHead(200), Buffer.alloc(65_536)) },
      'transfer-failed',
    ],
    [
      'a file that drips and stops',
      { file: (_, response) => void response.writeHead(200).write('x') },
      'transfer-failed',
    ],
    [
      'a day of waiting',
      { file: (_, response) => void response.writeHead(503, { 'retry-after': '86400' }).end() },
      'transfer-failed',
    ],
  ])('ends with %s', async (_, behaviour, code) => {
    const began = Date.now();
    const { endpoint } = await hub(behaviour);
    expect(await failure(resolve(endpoint, {}, quick))).toMatchObject({ code });
    expect(Date.now() - began).toBeLessThan(60_000);
  });

  it('follows the pages of a list, by the query of their link alone', async () => {
    const { endpoint, tokens } = await hub({
      tree: ({ url }, response) => {
        if (url!.includes('cursor=two')) json(response, [listed('model.safetensors', weights)]);
        else
          json(response, [listed('config.json', config)], {
            link: '<https://another.host/api/models/owner/model/tree/x?recursive=true&cursor=two>; rel="next"',
          });
      },
    });
    expect(await readdir(await resolve(endpoint))).toEqual(['config.json', 'model.safetensors']);
    expect(tokens.every(Boolean)).toBe(true);
  });

  it('passes over names that are no files’ names', async () => {
    const names = [
      '../../../../evil.json',
      'a/../../evil.json',
      '/tmp/evil.json',
      '..\\evil.json',
      'a\u0000.json',
      `${'a'.repeat(300)}.json`,
      '\u001b]0;x\u0007.json',
      'additional_chat_templates/../../x.jinja',
      '..json',
    ];
    const { endpoint } = await hub({
      tree: (_, response) => json(response, [...usual(), ...names.map((name) => listed(name, config))]),
    });
    expect(await readdir(await resolve(endpoint))).toEqual(['config.json', 'model.safetensors']);
  });
});

describe('a shared cache', () => {
  it.each(['a symbolic link', 'a second name'])('is not written through %s', async (kind) => {
    const victim = join(folder, 'victim');
    await writeFile(victim, 'precious');
    await mkdir(cache('blobs'), { recursive: true });
    const place = cache('blobs', `${git(config)}.incomplete`);
    await (kind === 'a second name' ? link(victim, place) : symlink(victim, place));
    const { endpoint } = await hub({});
    expect(await readFile(join(await resolve(endpoint), 'config.json'), 'utf8')).toBe(String(config));
    expect(await readFile(victim, 'utf8')).toBe('precious');
    expect((await lstat(cache('blobs', git(config)))).isFile()).toBe(true);
  });

  it.each(['blobs', 'snapshots', join('snapshots', commit), 'refs'])('has no link for the folder %s', async (part) => {
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    await mkdir(join(cache(part), '..'), { recursive: true });
    await symlink(elsewhere, cache(part));
    const { endpoint } = await hub({});
    expect(await failure(resolve(endpoint))).toMatchObject({
      code: 'input-output',
      message: expect.stringContaining(cache(part)),
    });
    expect(await readdir(elsewhere)).toEqual([]);
  });
});
