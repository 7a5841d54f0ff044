import { setTimeout as delay } from 'node:timers/promises';
import { SubtextError } from '../subtext-error';
import { printableUrl, redact } from '../text/redact';

/** What went wrong with a request. */
export type RequestErrorCode =
  /** No connection, or it broke. */
  | 'unreachable'
  /** Nothing came for too long. */
  | 'timed-out'
  /** The answer is longer than may be read. */
  | 'answer-too-large'
  /** Too many redirects, or one to an address that is not http. */
  | 'bad-redirect'
  /** The token has characters that no header may hold. */
  | 'invalid-token';

/** A request that failed; its message holds no secret. */
export class RequestError extends SubtextError<RequestErrorCode> {
  override readonly name = 'RequestError';

  static override isInstance(error: unknown): error is RequestError {
    return SubtextError.isInstance(error) && error.name === 'RequestError';
  }
}

/** Redirects that are followed. */
const mostRedirects = 5;

/** Options of {@link request}. */
export interface RequestOptions {
  url: string | URL;
  /** Default GET. */
  method?: string;
  /** Headers for every address on the way. */
  headers?: Readonly<Record<string, string>>;
  /** A bearer token: sent to the origin of `url` only, never after a redirect to another, and kept out of messages. */
  token?: string;
  /** What is sent: a text, or bytes that are made anew for each address on the way. */
  body?: string | (() => AsyncIterable<Uint8Array>);
  /** Seconds until the answer's head must be there. Default 30. */
  headSeconds?: number;
  /** Seconds that may pass between two pieces of the answer. Default 60. */
  idleSeconds?: number;
  /** Seconds for the whole, reading included. Default none. */
  totalSeconds?: number;
  /** The most bytes of an answer that `bytes`, `text` and `json` read. Default 64 MiB. */
  maximumBytes?: number;
  /** Whether redirects to another origin are followed (without the token). Default true. */
  otherOrigins?: boolean;
  signal?: AbortSignal;
  /** Default the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

/** An answer that is read with bounds. */
export interface BoundedResponse {
  status: number;
  ok: boolean;
  headers: Headers;
  /** Where it came from in the end. */
  url: URL;
  /** The body in pieces; ends with `timed-out` when nothing comes. Not bounded in length. */
  pieces(): AsyncGenerator<Uint8Array, void, void>;
  /** The body whole. @throws RequestError `answer-too-large` */
  bytes(): Promise<Uint8Array>;
  text(): Promise<string>;
  /** @throws SyntaxError */
  json(): Promise<unknown>;
  /** Leaves the rest of the body unread. */
  cancel(): Promise<void>;
}

/**
 * A request that ends: with time limits for its head, for each piece and for the whole, a limit on what is read into
 * memory and on redirects, and with credentials that go to the origin they were given for and nowhere else.
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
  // Otherwise `fetch` throws an error with the whole header in its text.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new RequestError({
      code: 'invalid-token',
      message:
        'the access token holds a blank, a line break or another character that tokens do not have. Set it anew, without quotes',
    });
  }
  let url = new URL(options.url);
  const origin = url.origin;
  // A user and password in the address are credentials too: as a header for this origin, not in what is printed.
  const basic =
    url.username === '' && url.password === ''
      ? undefined
      : `Basic ${Buffer.from(`${decoded(url.username)}:${decoded(url.password)}`).toString('base64')}`;
  const secrets = [token, url.password, decoded(url.password), basic?.slice(6)];
  url.username = '';
  url.password = '';
  const authorization = token === undefined ? basic : `Bearer ${token}`;
  // Once another host has said where to go on, it gets no more credentials, not even back at the first.
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
          // Node's fetch sends what is iterated over; it asks to be told that the answer comes only then.
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
            message: redact({ text: `${printableUrl(url)} answers with more than ${maximumBytes} bytes`, secrets }),
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

/** What stands in an address with its percent signs undone; as it stands where these are none. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
