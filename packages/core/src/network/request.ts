import { setTimeout as delay } from 'node:timers/promises';
import { SubtextError } from '../subtext-error';
import { printableUrl, redact } from '../text/redact';

/** Why a request failed. */
export type RequestErrorCode =
  /** The connection failed or was interrupted. */
  | 'unreachable'
  /** A time limit was exceeded. */
  | 'timed-out'
  /** The response exceeds the size limit. */
  | 'answer-too-large'
  /** Too many redirects, or a redirect that is not allowed. */
  | 'bad-redirect'
  /** The token contains characters that are not allowed in a header. */
  | 'invalid-token';

/** A failed request. Its message contains no secrets. */
export class RequestError extends SubtextError<RequestErrorCode> {
  override readonly name = 'RequestError';

  static override isInstance(error: unknown): error is RequestError {
    return SubtextError.isInstance(error) && error.name === 'RequestError';
  }
}

/** Maximum number of redirects. */
const mostRedirects = 5;

/** Options of {@link request}. */
export interface RequestOptions {
  url: string | URL;
  /** Default GET. */
  method?: string;
  /** Headers, sent to every URL along redirects. */
  headers?: Readonly<Record<string, string>>;
  /** Bearer token: sent only to the origin of `url`, never after a redirect to another, and redacted in messages. */
  token?: string;
  /** Request body: a string, or a function that produces the bytes again for each redirect. */
  body?: string | (() => AsyncIterable<Uint8Array>);
  /** Time limit for the response headers, in seconds. Default 30. */
  headSeconds?: number;
  /** Time limit between two chunks of the response, in seconds. Default 60. */
  idleSeconds?: number;
  /** Time limit for the whole request including the body, in seconds. Default none. */
  totalSeconds?: number;
  /** Maximum response size in bytes for `bytes`, `text` and `json`. Default 64 MiB. */
  maximumBytes?: number;
  /** Follow redirects to another origin (without the token). Default true. */
  otherOrigins?: boolean;
  signal?: AbortSignal;
  /** Default the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

/** A response that is read with limits. */
export interface BoundedResponse {
  status: number;
  ok: boolean;
  headers: Headers;
  /** Final URL after redirects. */
  url: URL;
  /** The body in chunks, without a size limit. @throws RequestError `timed-out` */
  pieces(): AsyncGenerator<Uint8Array, void, void>;
  /** The whole body. @throws RequestError `answer-too-large` */
  bytes(): Promise<Uint8Array>;
  text(): Promise<string>;
  /** @throws SyntaxError */
  json(): Promise<unknown>;
  /** Discards the rest of the body. */
  cancel(): Promise<void>;
}

/**
 * Sends an HTTP request with time limits for the headers, each chunk and the whole, and with limits on redirects and on
 * what is read into memory. Credentials go only to the origin they were given for.
 *
 * @throws RequestError
 */
export async function request(options: RequestOptions): Promise<BoundedResponse> {
  const {
    method = 'GET',
    headers = {},
    token,
    body,
    headSeconds = 30,
    idleSeconds = 60,
    totalSeconds,
    maximumBytes = 64 * 2 ** 20,
    otherOrigins = true,
    signal,
  } = options;
  const fetch = options.fetch ?? globalThis.fetch;
  // Otherwise `fetch` throws an error whose message contains the whole header.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new RequestError({
      code: 'invalid-token',
      message:
        'the access token contains a space, a line break or another invalid character. Set it again, without quotes',
    });
  }
  let url = new URL(options.url);
  const origin = url.origin;
  // A user and password in the URL are credentials too: send them as a header to this origin, and never print them.
  const basic =
    url.username === '' && url.password === ''
      ? undefined
      : `Basic ${Buffer.from(`${decoded(url.username)}:${decoded(url.password)}`).toString('base64')}`;
  const secrets = [token, url.password, decoded(url.password), basic?.slice(6)];
  url.username = '';
  url.password = '';
  const authorization = token === undefined ? basic : `Bearer ${token}`;
  // After a redirect through another origin no credentials are sent, not even back at the first.
  let trusted = true;
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const total =
    totalSeconds === undefined
      ? undefined
      : setTimeout(() => controller.abort(new Error(`took longer than ${totalSeconds} seconds`)), totalSeconds * 1000);
  const finish = (): void => {
    clearTimeout(total);
    signal?.removeEventListener('abort', abort);
  };
  const failure = (cause: unknown, what: string): unknown => {
    if (signal?.aborted === true) return signal.reason ?? cause;
    if (RequestError.isInstance(cause)) return cause;
    const reason = controller.signal.aborted
      ? (controller.signal.reason as Error).message
      : (((cause as Error).cause as Error | undefined)?.message ?? (cause as Error).message);
    return new RequestError({
      code: controller.signal.aborted ? 'timed-out' : 'unreachable',
      message: redact({ text: `${printableUrl(url)} ${what}: ${reason}`, secrets }),
      cause,
    });
  };
  try {
    for (let redirects = 0; ; redirects += 1) {
      const head = setTimeout(
        () => controller.abort(new Error(`no answer within ${headSeconds} seconds`)),
        headSeconds * 1000,
      );
      let response: Response;
      try {
        response = await fetch(url, {
          method,
          // Node's fetch accepts an async iterable as body, but requires `duplex: 'half'`.
          ...(typeof body === 'function'
            ? { body: body() as unknown as ReadableStream, duplex: 'half' as const }
            : { body }),
          headers: { ...headers, ...(authorization !== undefined && trusted ? { authorization } : {}) },
          redirect: 'manual',
          signal: controller.signal,
        });
      } catch (cause) {
        throw failure(cause, 'cannot be reached');
      } finally {
        clearTimeout(head);
      }
      const location = response.headers.get('location');
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return bounded(response);
      await response.body?.cancel().catch(() => {});
      const next = new URL(location, url);
      next.username = '';
      next.password = '';
      const problem =
        redirects >= mostRedirects
          ? `redirects more than ${mostRedirects} times`
          : /^https?:$/.test(next.protocol)
            ? otherOrigins || next.origin === origin
              ? undefined
              : `redirects to another host, ${next.host}, which is not followed`
            : 'redirects to an address that is not http';
      if (problem !== undefined)
        throw new RequestError({
          code: 'bad-redirect',
          message: redact({ text: `${printableUrl(url)} ${problem}`, secrets }),
        });
      trusted &&= next.origin === origin;
      url = next;
    }
  } catch (error) {
    finish();
    throw error;
  }

  function bounded(response: Response): BoundedResponse {
    const reader = response.body?.getReader();
    async function* pieces(): AsyncGenerator<Uint8Array, void, void> {
      try {
        if (reader === undefined) return;
        for (;;) {
          const stop = new AbortController();
          const idle = delay(idleSeconds * 1000, 'idle' as const, { signal: stop.signal }).catch(
            () => 'stopped' as const,
          );
          const piece = await Promise.race([reader.read(), idle]).catch((cause: unknown) => {
            throw failure(cause, 'broke off');
          });
          stop.abort();
          if (piece === 'idle' || piece === 'stopped') {
            controller.abort(new Error(`nothing came for ${idleSeconds} seconds`));
            throw failure(undefined, 'broke off');
          }
          if (piece.done) return;
          yield piece.value as Uint8Array;
        }
      } finally {
        finish();
        await reader?.cancel().catch(() => {});
      }
    }
    async function bytes(): Promise<Uint8Array> {
      const parts: Uint8Array[] = [];
      let length = 0;
      for await (const piece of pieces()) {
        length += piece.byteLength;
        if (length > maximumBytes) {
          throw new RequestError({
            code: 'answer-too-large',
            message: redact({ text: `${printableUrl(url)} sent more than ${maximumBytes} bytes`, secrets }),
          });
        }
        parts.push(piece);
      }
      const whole = new Uint8Array(length);
      let offset = 0;
      for (const part of parts) {
        whole.set(part, offset);
        offset += part.byteLength;
      }
      return whole;
    }
    const text = async (): Promise<string> => new TextDecoder().decode(await bytes());
    return {
      status: response.status,
      ok: response.ok,
      headers: response.headers,
      url,
      pieces,
      bytes,
      text,
      json: async () => JSON.parse(await text()) as unknown,
      async cancel() {
        finish();
        await reader?.cancel().catch(() => {});
      },
    };
  }
}

/** Percent-decodes a part of a URL; returns it unchanged if the encoding is invalid. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
