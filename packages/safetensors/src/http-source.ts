import type { RandomAccessSource } from './random-access';
import { printableUrl } from '@subtext/core';
import { SafetensorsError } from './safetensors-error';

/** Seconds until an answer must begin, and that may pass between two pieces of it. */
const defaultIdleSeconds = 60;

/**
 * An address whose server answers range requests, as the Hugging Face Hub does: only the header and the tensors asked
 * for are transferred.
 *
 * @param options.url the file's address
 * @param options.headers request headers, such as an authorization. Default: none
 * @param options.fetch what to request with. Default: the global `fetch`
 * @param options.idleSeconds until an answer must begin, and that may pass between two pieces of it. @default 60
 * @throws SafetensorsError `not-found`, `input-output`
 */
export async function httpSource(options: {
  url: string | URL;
  headers?: Record<string, string>;
  fetch?: typeof globalThis.fetch;
  idleSeconds?: number;
}): Promise<RandomAccessSource> {
  const { url, headers, fetch = globalThis.fetch, idleSeconds = defaultIdleSeconds } = options;
  // Signed addresses have secrets in their query.
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
      message: 'the server does not say how long the file is',
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

/** Reads a body of exactly the destination's length, never holding more of it than one chunk. */
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
      message: `the transfer broke off: ${(cause as Error).message}`,
      path: label,
      cause,
    });
  }
  if (done !== into.byteLength) throw misfit(done);
}

/** Something that has to come within so many seconds; the signal stops it when it does not. */
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
