import type { RandomAccessSource } from './random-access';
import { printableUrl } from '@subtext/core';
import { SafetensorsError } from './safetensors-error';

/** Time limit for the response headers and between two chunks, in seconds. */
const defaultIdleSeconds = 60;

/**
 * A source over a URL whose server supports range requests, such as the Hugging Face Hub: only the header and the
 * requested tensors are transferred.
 *
 * @param options.url URL of the file
 * @param options.headers request headers, such as `authorization`. Default: none
 * @param options.fetch replacement for the global `fetch`
 * @param options.idleSeconds time limit for the response headers and between two chunks, in seconds. @default 60
 * @throws SafetensorsError `not-found`, `input-output`
 */
export async function httpSource(options: {
  url: string | URL;
  headers?: Record<string, string>;
  fetch?: typeof globalThis.fetch;
  idleSeconds?: number;
}): Promise<RandomAccessSource> {
  const { url, headers, fetch = globalThis.fetch, idleSeconds = defaultIdleSeconds } = options;
  // Signed URLs have secrets in their query.
  const label = printableUrl(url);
  const request = async (first: number, last: number): Promise<Response> => {
    let response: Response;
    try {
      response = await within(idleSeconds, (signal) =>
        fetch(url, { headers: { ...headers, range: `bytes=${first}-${last}` }, signal }),
      );
    } catch (cause) {
      throw new SafetensorsError({
        code: 'input-output',
        message: `can't reach the server: ${(cause as Error).message}`,
        path: label,
        cause,
      });
    }
    if (response.status === 206) return response;
    await response.body?.cancel();
    if (response.status === 404)
      throw new SafetensorsError({ code: 'not-found', message: 'the server has no such file', path: label });
    throw new SafetensorsError({
      code: 'input-output',
      message:
        response.status === 200
          ? 'the server does not answer range requests; download the file and open it'
          : `the server answered ${response.status} ${response.statusText}`,
      path: label,
    });
  };
  const first = await request(0, 0);
  await first.body?.cancel();
  const total = /^bytes 0-0\/(\d+)$/.exec(first.headers.get('content-range') ?? '')?.[1];
  const byteLength = Number(total);
  if (total === undefined || !Number.isSafeInteger(byteLength)) {
    throw new SafetensorsError({
      code: 'input-output',
      message: 'the server did not report the size of the file',
      path: label,
    });
  }
  return {
    byteLength,
    label,
    async read({ position, into }) {
      const response = await request(position, position + into.byteLength - 1);
      await readBody(response, into, label, idleSeconds);
    },
    close: async () => {},
  };
}

/** Reads a body of exactly the destination's length, chunk by chunk. */
async function readBody(response: Response, into: Uint8Array, label: string, idleSeconds: number): Promise<void> {
  const misfit = (bytes: number): SafetensorsError =>
    new SafetensorsError({
      code: 'truncated',
      message: `asked for ${into.byteLength} bytes, the server sent ${bytes}`,
      path: label,
    });
  const reader = response.body?.getReader();
  if (reader === undefined) throw misfit(0);
  let done = 0;
  try {
    for (;;) {
      const chunk = await within(idleSeconds, () => reader.read());
      if (chunk.done) break;
      const bytes = chunk.value as Uint8Array;
      if (done + bytes.byteLength > into.byteLength) {
        await reader.cancel();
        throw misfit(done + bytes.byteLength);
      }
      into.set(bytes, done);
      done += bytes.byteLength;
    }
  } catch (cause) {
    await reader.cancel().catch(() => {});
    if (SafetensorsError.isInstance(cause)) throw cause;
    throw new SafetensorsError({
      code: 'input-output',
      message: `the transfer was interrupted: ${(cause as Error).message}`,
      path: label,
      cause,
    });
  }
  if (done !== into.byteLength) throw misfit(done);
}

/** Runs `start` with a time limit, aborting its signal when the limit is exceeded. */
async function within<Result>(seconds: number, start: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`nothing came for ${seconds} seconds`));
      controller.abort();
    }, 1000 * seconds);
  });
  try {
    return await Promise.race([start(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
