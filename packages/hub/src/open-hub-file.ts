import type { BoundedResponse } from '@subtext/core/node';

import { HubClient } from './hub-client';
import { HubError } from './hub-error';
import { accessToken, hubSettings } from './hub-settings';
import type { HubOptions } from './resolve-model-folder';
import { HubStatusError } from './status-error';

/** A file on the Hub. */
export interface HubAddress {
  /** `datasets/OWNER/NAME`, or `OWNER/NAME` of a model. */
  repository: string;
  /** Branch, tag or commit. */
  revision: string;
  /** Within the repository. */
  path: string;
}

const address =
  /^hf:\/\/((?:datasets\/)?[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([\w.-]+(?:~[\w.-]+)*))?\/([^?#]+)$/;

/** Reads `hf://datasets/OWNER/NAME[@REVISION]/PATH`, as Hugging Face's own tools write it; undefined for anything else. */
export function parseHubAddress(text: string): HubAddress | undefined {
  const [, repository, revision = 'main', path] = address.exec(text) ?? [];
  if (repository === undefined || path === undefined || /(^|\/)\.\.?(\/|$)/.test(path)) return undefined;
  return { repository, revision, path };
}

/** A file on the Hub, read by parts. */
export interface HubFileReader {
  /** Bytes in all. */
  size: number;
  /** What the Hub names its content by; another content has another. */
  etag: string;
  /** Bytes from `from` to before `to`. @throws HubError */
  read(options: { from: number; to: number }): Promise<Uint8Array>;
  /** The whole in pieces, in order. @throws HubError */
  pieces(): AsyncGenerator<Uint8Array, void, void>;
}

/** The most bytes of a part. */
const mostBytes = 512 * 2 ** 20;

/**
 * Opens a file of a data set (or a model) on the Hugging Face Hub, of which only what is asked for is fetched: nothing is
 * written to this machine.
 *
 * @throws HubError `not-found` for what is no address, `offline`, `unauthorized`, `unknown-model`, `unreachable`, `invalid-answer`
 */
export async function openHubFile({
  address: text,
  ...options
}: Pick<HubOptions, 'token' | 'environment' | 'fetch' | 'signal'> & { address: string }): Promise<HubFileReader> {
  const found = parseHubAddress(text);
  if (found === undefined)
    throw new HubError({
      code: 'not-found',
      message: `${text} is not an address of a file on the hub: hf://datasets/OWNER/NAME/PATH`,
    });
  const settings = hubSettings(options.environment ?? process.env);
  if (settings.offline)
    throw new HubError({ code: 'offline', message: `${text}: HF_HUB_OFFLINE is set. Unset it, or download the file` });
  const token = await accessToken({ settings, given: options.token });
  const client = new HubClient({ settings, token, fetch: options.fetch, signal: options.signal });
  const { repository: id, revision, path: file } = found;
  const ask = async (part: { from: number; to: number }): Promise<BoundedResponse> => {
    try {
      return await client.part({ id, revision, file, ...part });
    } catch (cause) {
      throw describe({ cause, text, endpoint: client.name });
    }
  };
  const first = await ask({ from: 0, to: 1 });
  await first.cancel();
  const total = /\/(\d+)$/.exec(first.headers.get('content-range') ?? '')?.[1] ?? first.headers.get('content-length');
  const size = Number(total ?? Number.NaN);
  if (!Number.isSafeInteger(size))
    throw new HubError({ code: 'invalid-answer', message: `${text}: the hub does not say how long the file is` });
  if (first.status !== 206 && size > 1)
    throw new HubError({ code: 'invalid-answer', message: `${text}: the hub gives no parts of files` });
  return {
    size,
    etag: (first.headers.get('x-linked-etag') ?? first.headers.get('etag') ?? '').replace(/^W\/|"/g, ''),
    async read({ from, to }) {
      const end = Math.min(to, size);
      if (end <= from) return new Uint8Array();
      if (end - from > mostBytes)
        throw new HubError({ code: 'invalid-answer', message: `${text}: a part has more than ${mostBytes} bytes` });
      const response = await ask({ from, to: end });
      const bytes = new Uint8Array(end - from);
      let at = 0;
      for await (const piece of response.pieces()) {
        if (at + piece.byteLength > bytes.length) break;
        bytes.set(piece, at);
        at += piece.byteLength;
      }
      if (at < bytes.length)
        throw new HubError({ code: 'transfer-failed', message: `${text}: only ${at} of ${bytes.length} bytes came` });
      return bytes;
    },
    async *pieces() {
      if (size > 0) yield* (await ask({ from: 0, to: size })).pieces();
    },
  };
}

/** What happened, in terms of the file that was asked for. */
function describe({ cause, text, endpoint }: { cause: unknown; text: string; endpoint: string }): unknown {
  if (cause instanceof HubStatusError) {
    const { status, message } = cause;
    if (status === 401 || status === 403)
      return new HubError({
        code: 'unauthorized',
        message: `${endpoint} does not give out ${text} (${status}): it does not exist, is private, or its terms must be accepted on its page. Set HF_TOKEN, or run "hf auth login"`,
        cause,
      });
    return new HubError({
      code: status === 404 ? 'unknown-model' : 'unreachable',
      message: `${endpoint} has not given out ${text} (${status}: ${message})`,
      cause,
    });
  }
  if (HubError.isInstance(cause)) return cause;
  return new HubError({
    code: 'unreachable',
    message: `${text}: can't reach ${endpoint} (${(cause as Error).message})`,
    cause,
  });
}
