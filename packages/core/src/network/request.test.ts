import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { request } from './request';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('request', () => {
  it('sends the token to its own origin and to no other', async () => {
    const seen: (string | undefined)[] = [];
    const other = await serve(({ headers }, answer) => {
      seen.push(headers.authorization);
      answer.end('there');
    });
    const first = await serve(({ headers, url }, answer) => {
      seen.push(headers.authorization);
      if (url === '/a') answer.writeHead(302, { location: '/b' }).end();
      else answer.writeHead(307, { location: `${other}/x` }).end();
    });
    expect(await (await request({ url: `${first}/a`, token: 'hf_secret' })).text()).toBe('there');
    expect(seen).toEqual(['Bearer hf_secret', 'Bearer hf_secret', undefined]);
    await expect(request({ url: `${first}/a`, token: 'hf_secret', otherOrigins: false })).rejects.toMatchObject({
      code: 'bad-redirect',
    });
  });

  it('uses a password in the address and never prints it', async () => {
    let seen: string | undefined;
    const address = await serve(({ headers }, answer) => {
      seen = headers.authorization;
      answer.destroy();
    });
    await expect(request({ url: address.replace('//', '//user:hunter22@') })).rejects.toSatisfy(
      (error: Error) => !error.message.includes('hunter22'),
    );
    expect(seen).toBe(`Basic ${btoa('user:hunter22')}`);
    // Neither a percent sign nor letters beyond Latin 1 may end the request.
    for (const [written, sent] of [
      ['100%pass', '100%pass'],
      ['%E2%82%ACeuro', '€euro'],
    ] as const) {
      await expect(request({ url: address.replace('//', `//user:${written}@`) })).rejects.toMatchObject({
        code: 'unreachable',
      });
      expect(seen).toBe(`Basic ${Buffer.from(`user:${sent}`).toString('base64')}`);
    }
  });

  it('does not print a token that no header can hold', async () => {
    const error = await request({ url: 'http://127.0.0.1:9', token: 'hf_sec\rret' }).catch(
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toMatchObject({ code: 'invalid-token' });
    expect((error as Error).cause).toBeUndefined();
    expect((error as Error).message).not.toContain('hf_sec');
  });

  it('gives no credentials to an address that another host named, not even at the first host', async () => {
    const seen: (string | undefined)[] = [];
    let home = '';
    const other = await serve((_, answer) => void answer.writeHead(302, { location: `${home}/back` }).end());
    home = await serve(({ headers, url }, answer) => {
      seen.push(headers.authorization);
      if (url === '/back') answer.end('back');
      else answer.writeHead(302, { location: other }).end();
    });
    expect(await (await request({ url: `${home}/go`, token: 'hf_secret' })).text()).toBe('back');
    expect(seen).toEqual(['Bearer hf_secret', undefined]);
  });

  it('ends with a server that never answers, one that stops in the middle, and one without end', async () => {
    const silent = await serve(() => {});
    await expect(request({ url: silent, headSeconds: 0.2 })).rejects.toMatchObject({ code: 'timed-out' });
    const stops = await serve((_, answer) => void answer.write('x'));
    await expect((await request({ url: stops, idleSeconds: 0.2 })).text()).rejects.toMatchObject({ code: 'timed-out' });
    const drips = await serve((_, answer) => {
      const timer = setInterval(() => answer.write('x'), 20);
      answer.on('close', () => clearInterval(timer));
    });
    await expect(request({ url: drips, totalSeconds: 0.3 }).then((answer) => answer.text())).rejects.toMatchObject({
      code: 'timed-out',
    });
    const endless = await serve((_, answer) => {
      const write = (): void => {
        while (!answer.destroyed && answer.write(Buffer.alloc(65_536)));
        if (!answer.destroyed) answer.once('drain', write);
      };
      write();
    });
    await expect((await request({ url: endless, maximumBytes: 1_000_000 })).text()).rejects.toMatchObject({
      code: 'answer-too-large',
    });
  });

  it('leaves circles, and addresses that are not http', async () => {
    const circle = await serve((_, answer) => void answer.writeHead(302, { location: '/' }).end());
    await expect(request({ url: circle })).rejects.toMatchObject({ code: 'bad-redirect' });
    const file = await serve((_, answer) => void answer.writeHead(302, { location: 'file:///etc/passwd' }).end());
    await expect(request({ url: file })).rejects.toMatchObject({ code: 'bad-redirect' });
  });

  it('stops when asked', async () => {
    const silent = await serve(() => {});
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await expect(request({ url: silent, signal: controller.signal })).rejects.toThrow('enough');
  });
});
