import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const commit = 'c'.repeat(40);

/** A hub on this machine that has models from folders: lists their files and gives them out. */
export async function startHub(
  models: Readonly<Record<string, string>>,
): Promise<{ endpoint: string; /** Paths that were asked for. */ requests: string[]; close: () => Promise<void> }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://hub');
    requests.push(pathname);
    const send = (status: number, body: unknown) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const [, , id, kind, , path] =
      /^\/(api\/models\/)?([\w-]+\/[\w.-]+)\/(revision|tree|resolve)\/([^/]+)(?:\/(.+))?$/.exec(pathname) ?? [];
    const folder = id === undefined ? undefined : models[id];
    if (folder === undefined) return send(404, { error: 'Repository not found' });
    if (kind === 'revision')
      return send(200, {
        _id: '1',
        id,
        sha: commit,
        private: false,
        downloads: 0,
        likes: 0,
        lastModified: '2026-01-01',
      });
    const answer = async () => {
      if (kind === 'tree') {
        const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
        return send(
          200,
          await Promise.all(
            entries.map(async ({ name }) => {
              const content = await readFile(join(folder, name));
              return {
                type: 'file',
                path: name,
                size: content.byteLength,
                oid: createHash('sha1').update(`blob ${content.byteLength}\0`).update(content).digest('hex'),
              };
            }),
          ),
        );
      }
      const content = await readFile(join(folder, path!));
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
      const part = range ? content.subarray(Number(range[1]), Number(range[2]) + 1) : content;
      response.writeHead(range ? 206 : 200, {
        etag: '"e"',
        'content-length': part.byteLength,
        ...(range ? { 'content-range': `bytes ${range[1]}-${range[2]}/${content.byteLength}` } : {}),
      });
      response.end(part);
    };
    answer().catch((error: Error) => send(500, { error: error.message }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
