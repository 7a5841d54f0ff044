import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a hub that gives out files by parts was asked. */
export interface RangeServer {
  address: string;
  /** Paths with the parts that were asked for. */
  asked: string[];
  close(): void;
}

/** Serves files under their paths as the Hub does, by parts. */
export async function serveRanges({
  files,
  etag = () => '"1"',
  status,
}: {
  files: Readonly<Record<string, Uint8Array>>;
  /** What the nth answer names the content by. @default always the same */
  etag?: (answer: number) => string;
  /** Answers everything by this status. @default 206, or what is wrong with the question */
  status?: number;
}): Promise<RangeServer> {
  const asked: string[] = [];
  const server = createServer(({ url, headers }, response) => {
    asked.push(`${url} ${headers.range}`);
    const content = files[decodeURIComponent(url!)];
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    if (status !== undefined || content === undefined) return void response.writeHead(status ?? 404).end();
    if (from === undefined || Number(from) >= content.length)
      return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    const part = content.subarray(Number(from), Number(to) + 1);
    response
      .writeHead(206, {
        etag: etag(asked.length),
        'content-length': part.length,
        'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${content.length}`,
      })
      .end(part);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
