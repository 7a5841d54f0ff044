import type { BoundedResponse } from '@subtext/core/node';

import { HubClient } from './hub-client';
import { HubError } from './hub-error';
import { accessToken, hubSettings } from './hub-settings';
import type { HubOptions } from './resolve-model-folder';
import { HubStatusError } from './status-error';

/** A file on the Hub. */
interface HubAddress {
  /** `datasets/OWNER/NAME`, or `OWNER/NAME` for a model. */
  repository: string;
  /** Branch, tag or commit. */
  revision: string;
  /** Path within the repository. */
  path: string;
}

const form = 'hf://datasets/OWNER/NAME[@REVISION]/PATH';
const address =
  /^hf:\/\/((?:datasets\/)?(?!datasets\/)[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([\w.-]+(?:~[\w.-]+)*))?\/([^?#]+)$/;

/** Parses an `hf://` URL as used by Hugging Face's tools; `~` in a revision stands for `/`. */
function parseHubAddress(text: string): HubAddress {
  const [, repository, revision = 'main', path] = address.exec(text) ?? [];
  if (repository === undefined || path === undefined || /(?:^|\/)\.{0,2}(?:\/|$)/.test(path))
    throw new HubError({ code: 'not-found', message: `${text} is not a URL of a file on the hub: ${form}` });
  return { repository, revision: revision.replaceAll('~', '/'), path };
}

/** A file on the Hub, read in ranges. */
export interface HubFileReader {
  /** Size in bytes. */
  size: number;
  /** Bytes `from` (inclusive) to `to` (exclusive), or to the end of the file. @throws HubError also if the file has changed */
  read(options: { from: number; to: number }): Promise<Uint8Array>;
}

/**
 * Opens a file of a data set or model on the Hugging Face Hub, `hf://datasets/OWNER/NAME[@REVISION]/PATH`. Only the requested
 * ranges are downloaded; nothing is written to disk.
 *
 * @throws HubError `not-found` for an invalid URL, `offline`, `unauthorized`, `unknown-model`, `unreachable`,
 *   `transfer-failed`, `invalid-answer`
 */
export async function openHubFile({
  address: text,
  ...options
}: Pick<HubOptions, 'token' | 'environment' | 'fetch' | 'signal'> & { address: string }): Promise<HubFileReader> {
  const { repository: id, revision, path: file } = parseHubAddress(text);
  const settings = hubSettings(options.environment ?? process.env);
  if (settings.offline)
    throw new HubError({
      code: 'offline',
      message: `${text}: HF_HUB_OFFLINE is set, and data sets are not cached. Unset it, or download the file`,
    });
  const token = await accessToken({ settings, given: options.token });
  const client = new HubClient({ settings, token, fetch: options.fetch, signal: options.signal });
  const invalid = (what: string) => new HubError({ code: 'invalid-answer', message: `${text}: ${what}` });
  const ask = async (part: { from: number; to: number }): Promise<BoundedResponse> => {
    try {
      return await client.part({ id, revision, file, ...part });
    } catch (cause) {
      throw describe({ cause, text, endpoint: client.name });
    }
  };
  const first = await ask({ from: 0, to: 1 });
  await first.cancel();
  const size = sizeOf(first);
  if (size === undefined) throw invalid('the hub did not report the size of the file');
  if (first.status === 200 && size > 1) throw invalid('the hub does not support range requests. Download the file');
  const content = contentOf(first);
  return {
    size,
    async read({ from, to }) {
      const end = Math.min(to, size);
      if (end <= from) return new Uint8Array();
      const response = await ask({ from, to: end });
      if (contentOf(response) !== content || sizeOf(response) !== size) {
        await response.cancel();
        throw new HubError({
          code: 'transfer-failed',
          message: `${text} has changed on the hub while it was read. Read it again, or name a commit: ${form}`,
        });
      }
      return wholePart({ response, text, bytes: new Uint8Array(end - from) });
    },
  };
}

/** The bytes of a range; throws unless it has the requested length. */
async function wholePart({
  response,
  text,
  bytes,
}: {
  response: BoundedResponse;
  text: string;
  /** Output buffer. */
  bytes: Uint8Array<ArrayBuffer>;
}): Promise<Uint8Array<ArrayBuffer>> {
  let at = 0;
  const failed = (what: string, cause?: unknown) =>
    new HubError({ code: 'transfer-failed', message: `${text}: ${what}. Try again`, cause });
  try {
    for await (const piece of response.pieces()) {
      if (at + piece.byteLength > bytes.length) throw failed(`received more than the requested ${bytes.length} bytes`);
      bytes.set(piece, at);
      at += piece.byteLength;
    }
  } catch (cause) {
    if (HubError.isInstance(cause)) throw cause;
    throw failed((cause as Error).message, cause);
  }
  if (at < bytes.length) throw failed(`received only ${at} of ${bytes.length} bytes`);
  return bytes;
}

/** Size of the whole file, from the response to a range request. */
function sizeOf({ headers, status }: BoundedResponse): number | undefined {
  const total = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
  const size = Number(total ?? (status === 200 ? (headers.get('content-length') ?? Number.NaN) : Number.NaN));
  return Number.isSafeInteger(size) ? size : undefined;
}

/** Identifier of a file's content, which changes with the content. */
const contentOf = ({ headers }: BoundedResponse): string =>
  (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^W\/|"/g, '');

/** Converts a failed request into an error about the requested file. */
function describe({ cause, text, endpoint }: { cause: unknown; text: string; endpoint: string }): unknown {
  if (cause instanceof HubStatusError) {
    const { status, message } = cause;
    // Without a token the Hub also returns 401 for what does not exist.
    if (status === 401 || status === 403)
      return new HubError({
        code: 'unauthorized',
        message: `${endpoint} refused access to ${text} (${status}): it does not exist, is private, or its terms must be accepted on its page. Set HF_TOKEN, or run "hf auth login"`,
        cause,
      });
    return new HubError({
      code: status === 404 ? 'unknown-model' : 'unreachable',
      message:
        status === 404
          ? `${endpoint} has no ${text}. Check the data set, revision and path: ${form}`
          : `${endpoint} could not serve ${text} (${status}: ${message})`,
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
