import { printable } from '@subtext/core';
import { request, type BoundedResponse } from '@subtext/core/node';

import { HubError } from './hub-error';
import type { HubSettings } from './hub-settings';
import { isCommit } from './model-cache';
import { type HubStatusError, statusError } from './status-error';
import type { HubFile } from './wanted-files';

/** Maximum size of a metadata response, in bytes. */
const answerBytes = 16 * 2 ** 20;
/** Time limit for a metadata response, in seconds. */
const answerSeconds = 60;
/** Maximum number of files of a model, and of pages of the list. */
const maximumFiles = 100_000;
const maximumPages = 1000;
/** Time limit for all pages together, in seconds. */
const listSeconds = 300;

export interface HubClientOptions {
  settings: HubSettings;
  token: string | undefined;
  fetch?: typeof globalThis.fetch;
  signal?: AbortSignal;
}

/**
 * Client of the hub's API: a revision's commit, a commit's files, a file's content or a range of it. The token is sent only
 * to the endpoint's own host. Every response has limits of time and size, every list a limit of length.
 */
export class HubClient {
  readonly #options: HubClientOptions;

  constructor(options: HubClientOptions) {
    this.#options = options;
  }

  /** URL of the hub, for messages. */
  get name(): string {
    return this.#options.settings.endpointName;
  }

  /**
   * The commit of a branch or tag.
   *
   * @throws HubError, HubStatusError, RequestError, SyntaxError
   */
  async commitOf({ id, revision }: { id: string; revision: string }): Promise<string> {
    const answer = await this.#json(`/api/models/${id}/revision/${encodeURIComponent(revision)}?expand=sha`);
    const sha = (answer.value as { sha?: unknown } | null)?.sha;
    if (typeof sha !== 'string' || !isCommit(sha))
      throw new HubError({ code: 'invalid-answer', message: `${this.name} returned no commit for the model "${id}"` });
    return sha;
  }

  /**
   * All files of a commit.
   *
   * @throws HubError, HubStatusError, RequestError, SyntaxError
   */
  async filesOf({ id, commit }: { id: string; commit: string }): Promise<HubFile[]> {
    const path = `/api/models/${id}/tree/${commit}`;
    const files: HubFile[] = [];
    const asked = new Set<string>();
    let page: string | undefined = `${path}?recursive=true`;
    const deadline = Date.now() + 1000 * listSeconds;
    while (page !== undefined) {
      if (Date.now() > deadline)
        throw new HubError({
          code: 'invalid-answer',
          message: `${this.name}'s list of the files of "${id}" did not finish within ${listSeconds} seconds`,
        });
      if (asked.has(page))
        throw new HubError({
          code: 'invalid-answer',
          message: `the pages of ${this.name}'s list of the files of "${id}" form a loop`,
        });
      if (asked.size >= maximumPages)
        throw new HubError({
          code: 'invalid-answer',
          message: `${this.name} lists the files of "${id}" on more than ${maximumPages} pages`,
        });
      asked.add(page);
      const { value, response } = await this.#json(page);
      if (!Array.isArray(value))
        throw new HubError({
          code: 'invalid-answer',
          message: `${this.name} returned no list of the files of "${id}"`,
        });
      for (const entry of value as unknown[]) {
        const file = this.#fileOf(entry, id);
        if (file !== null) files.push(file);
      }
      if (files.length > maximumFiles)
        throw new HubError({
          code: 'invalid-answer',
          message: `${this.name} lists more than ${maximumFiles} files of "${id}"; no model has so many`,
        });
      page = this.#nextPage({ path, link: response.headers.get('link'), id });
    }
    return files;
  }

  /** Content of a file of `size` bytes, starting at byte `from`. The caller reads or cancels it. */
  async content({
    id,
    commit,
    file,
    from,
    size,
  }: {
    id: string;
    commit: string;
    file: string;
    from: number;
    size: number;
  }): Promise<BoundedResponse> {
    const path = `/${id}/resolve/${commit}/${file.split('/').map(encodeURIComponent).join('/')}`;
    // No compression: the byte counts must match those listed.
    const response = await this.#request(path, {
      'accept-encoding': 'identity',
      ...(from > 0 ? { range: `bytes=${from}-${size - 1}` } : {}),
    });
    if (!response.ok) throw await this.#statusError(response);
    return response;
  }

  /**
   * Bytes `from` (inclusive) to `to` (exclusive) of a file in a data set or model repository. The caller reads or cancels it.
   *
   * @throws HubStatusError, RequestError
   */
  async part({
    id,
    revision,
    file,
    from,
    to,
  }: {
    /** `datasets/OWNER/NAME`, or `OWNER/NAME` for a model. */
    id: string;
    revision: string;
    file: string;
    from: number;
    to: number;
  }): Promise<BoundedResponse> {
    const path = `/${id}/resolve/${encodeURIComponent(revision)}/${file.split('/').map(encodeURIComponent).join('/')}`;
    const response = await this.#request(path, { 'accept-encoding': 'identity', range: `bytes=${from}-${to - 1}` });
    // 416: nothing from that byte on, as in an empty file.
    if (!response.ok && response.status !== 416) throw await this.#statusError(response);
    return response;
  }

  #fileOf(entry: unknown, id: string): HubFile | null {
    const { type, path, oid, size, lfs } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<
      string,
      unknown
    >;
    if (type === 'directory') return null;
    const large = (typeof lfs === 'object' && lfs !== null ? lfs : {}) as Record<string, unknown>;
    const etag = large['oid'] ?? oid;
    const bytes = large['size'] ?? size;
    if (
      type !== 'file' ||
      typeof path !== 'string' ||
      typeof etag !== 'string' ||
      !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(etag) ||
      !Number.isSafeInteger(bytes) ||
      (bytes as number) < 0
    ) {
      const named =
        typeof path === 'string' ? ` the file ${printable(JSON.stringify(path)).slice(0, 200)} of` : ' a file of';
      throw new HubError({
        code: 'invalid-answer',
        message: `${this.name} lists${named} "${id}" without a hash or a length`,
      });
    }
    return { path, size: bytes as number, etag };
  }

  /**
   * The next page named by a `Link` header. Only its query is used: whatever host it names, the list continues at the
   * endpoint. This also works with mirrors that pass the hub's header through.
   */
  #nextPage({ path, link, id }: { path: string; link: string | null; id: string }): string | undefined {
    const target = /<([^<>]*)>\s*;[^,<]*\brel="?next\b"?/i.exec(link ?? '')?.[1];
    if (target === undefined) return undefined;
    const { endpoint } = this.#options.settings;
    let url: URL | undefined;
    try {
      url = new URL(target, `${endpoint}${path}`);
    } catch {
      // Rejected below.
    }
    if (url === undefined || !url.searchParams.has('cursor')) {
      // Without a cursor the target is unclear; at the endpoint itself the URL is used as is.
      const prefix = new URL(endpoint).pathname.replace(/\/+$/, '');
      if (url !== undefined && url.origin === new URL(endpoint).origin && url.pathname === `${prefix}${path}`)
        return `${path}${url.search}`;
      const where = url === undefined || url.host === '' ? 'an invalid URL' : url.host;
      throw new HubError({
        code: 'invalid-answer',
        message: `${this.name} refers to ${printable(where)} for the next page of the files of "${id}", which is not followed`,
      });
    }
    return `${path}${url.search}`;
  }

  async #json(path: string): Promise<{ value: unknown; response: BoundedResponse }> {
    const response = await this.#request(path, { accept: 'application/json' }, answerSeconds);
    if (!response.ok) throw await this.#statusError(response);
    return { value: await response.json(), response };
  }

  #request(path: string, headers: Record<string, string>, totalSeconds?: number): Promise<BoundedResponse> {
    const { settings, token, fetch, signal } = this.#options;
    const { endpoint, headSeconds, idleSeconds } = settings;
    return request({
      url: `${endpoint}${path}`,
      headers,
      token,
      headSeconds,
      idleSeconds,
      totalSeconds,
      maximumBytes: answerBytes,
      signal,
      fetch,
    });
  }

  #statusError(response: BoundedResponse): Promise<HubStatusError> {
    const { token, settings } = this.#options;
    return statusError({ response, secrets: [token, new URL(settings.endpoint).password] });
  }
}
