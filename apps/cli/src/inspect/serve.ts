import { readRegularFile } from '@subtext/core/node';
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

import { describeOffer } from './describe-offer';
import type { Served } from './offer';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** What every answer says to the browser: nothing is loaded from elsewhere, and no other page may use it. */
const headers = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** A page that is served. */
export interface PageServer {
  /** The address with its token: whoever has it may read what is served. */
  address: string;
  close(): Promise<void>;
}

/**
 * Serves the inspector's page and what it may read, on 127.0.0.1 alone: to requests that name this host, that come from this
 * page, and, for all but the page itself, that carry the token of its address.
 */
export async function servePage({
  page,
  served,
  port,
}: {
  /** The folder of the built page. */
  page: string;
  served: Served;
  /** 0: a free one. */
  port: number;
}): Promise<PageServer> {
  const token = randomBytes(18).toString('base64url');
  const assets = new Map<string, string>([['/', join(page, 'index.html')]]);
  for (const name of await readdir(join(page, 'assets'))) assets.set(`/assets/${name}`, join(page, 'assets', name));
  const offer = JSON.stringify(
    describeOffer({
      served,
      fileAddress: (model, file) => `api/file/${model}/${file}`,
      imageAddress: (example) => `api/image/${example}`,
      pictureAddress: (picture) => `api/picture/${picture}`,
    }),
  );
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { port: own } = server.address() as AddressInfo;
    const refused = refusal({ request, hosts: [`127.0.0.1:${own}`, `localhost:${own}`] });
    if (refused !== null) return end(response, 403, refused);
    if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, 'Only GET.');
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const asset = assets.get(pathname);
    if (asset !== undefined) return file(response, asset, types[extname(asset)]);
    if (!pathname.startsWith('/api/')) return end(response, 404, 'There is nothing here.');
    if (!hasToken({ request, token })) return end(response, 403, 'The token is missing or old.');
    if (pathname === '/api/offer') return end(response, 200, offer, 'application/json');
    const [, kind, first, second] = /^\/api\/(file|image|picture)\/(\d{1,6})(?:\/(\d{1,6}))?$/.exec(pathname) ?? [];
    if (kind === 'file' && second !== undefined) {
      const found = served.models[Number(first)]?.files[Number(second)];
      if (found !== undefined) return file(response, found.path);
    }
    if (kind === 'image' && second === undefined) {
      const image = served.examples[Number(first)]?.image;
      if (image !== undefined)
        return end(response, 200, await readRegularFile({ path: image.path, maximumBytes: 2 ** 26 }));
    }
    if (kind === 'picture' && second === undefined) {
      const path = served.pictures[Number(first)];
      if (path !== undefined) return end(response, 200, await readRegularFile({ path, maximumBytes: 2 ** 26 }));
    }
    end(response, 404, 'There is nothing here.');
  };
  const server: Server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else end(response, 500, (error as Error).message);
    });
  });
  await listen(server, port);
  const { port: own } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${own}/?token=${token}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** The port that was asked for; where it is taken, and was not named, any. */
async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

/** Why a request is not answered: another host's name (DNS rebinding), or another page's request. */
function refusal({ request, hosts }: { request: IncomingMessage; hosts: readonly string[] }): string | null {
  const { host, origin } = request.headers;
  if (host === undefined || !hosts.includes(host)) return 'This server answers to its own address only.';
  if (origin !== undefined && !hosts.some((one) => origin === `http://${one}`))
    return 'This server answers to its own page only.';
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    // A link on another page may lead here; what that page loads by itself may not.
    return request.headers['sec-fetch-mode'] === 'navigate' ? null : 'This server answers to its own page only.';
  return null;
}

function hasToken({ request, token }: { request: IncomingMessage; token: string }): boolean {
  const given = Buffer.from(String(request.headers['x-subtext-token'] ?? ''));
  const own = Buffer.from(token);
  return given.length === own.length && timingSafeEqual(given, own);
}

function end(response: ServerResponse, status: number, body: string | Uint8Array, type = 'text/plain; charset=utf-8') {
  const bytes = Buffer.from(body);
  const kind = typeof body === 'string' ? type : 'application/octet-stream';
  response.writeHead(status, { ...headers, 'content-type': kind, 'content-length': bytes.length });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}

async function file(response: ServerResponse, path: string, type = 'application/octet-stream'): Promise<void> {
  if (response.req.method === 'HEAD') return end(response, 200, '');
  const stream = createReadStream(path);
  await once(stream, 'open');
  response.writeHead(200, { ...headers, 'content-type': type });
  stream.pipe(response);
  await once(stream, 'close');
}
