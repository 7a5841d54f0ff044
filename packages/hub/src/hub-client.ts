import { printable } from '@subtext/core';
import { request, type BoundedResponse } from '@subtext/core/node';

import { HubError } from './hub-error';
import type { HubSettings } from './hub-settings';
import { isCommit } from './model-cache';
import { type HubStatusError, statusError } from './status-error';
import type { HubFile } from './wanted-files';

/** The most bytes of an answer about a model, and of a page of its list of files. */
const answerBytes = 16 * 2 ** 20;
/** Seconds that such an answer may take. */
const answerSeconds = 60;
/** The most files that a model may list, and pages that the list may have. */
const maximumFiles = 100_000;
const maximumPages = 1000;
/** Seconds that all of its pages may take together. */
const listSeconds = 300;

export interface HubClientOptions {
  settings: HubSettings;
  token: string | undefined;
  fetch?: typeof globalThis.fetch;
  signal?: AbortSignal;
}

/**
 * The questions that are asked of a hub: a revision's commit, a commit's files, a file's content or a part of it. The token goes
 * to the endpoint's own host and to no other; every answer has limits of time and size, every list one of length.
 */
export class HubClient {
  readonly #options: HubClientOptions;

  constructor(options: HubClientOptions) {
    this.#options = options;
  }

  /** The hub's address for messages. */
  get name(): string {
    return this.#options.settings.endpointName;
  }

  /**
   * The commit that a branch or tag stands for.
   *
   * @throws HubError, HubStatusError, RequestError, SyntaxError
   */
  async commitOf({ id, revision }: { id: string; revision: string }): Promise<string> {
    const answer = await this.#json(`/api/models/${id}/revision/${encodeURIComponent(revision)}?expand=sha`);
    const sha = (answer.value as { sha?: unknown } | null)?.sha;
    if (typeof sha !== 'string' || !isCommit(sha))
      throw new HubError({ code: 'invalid-answer', message: `${this.name} gave no commit for the model "${id}"` });
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
          message: `${this.name}'s list of the files of "${id}" has not ended after ${listSeconds} seconds`,
        });
      if (asked.has(page))
        throw new HubError({
          code: 'invalid-answer',
          message: `the pages of ${this.name}'s list of the files of "${id}" lead in a circle`,
        });
      if (asked.size >= maximumPages)
        throw new HubError({
          code: 'invalid-answer',
          message: `${this.name} lists the files of "${id}" on more than ${maximumPages} pages`,
        });
      asked.add(page);
      const { value, response } = await this.#json(page);
      if (!Array.isArray(value))
        throw new HubError({ code: 'invalid-answer', message: `${this.name} gave no list of the files of "${id}"` });
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

  /** A file's content from byte `from` on, of a file of `size` bytes. The caller reads or cancels it. */
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
    // Compressed, the bytes would not be those that the list counts.
    const response = await this.#request(path, {
      'accept-encoding': 'identity',
      ...(from > 0 ? { range: `bytes=${from}-${size - 1}` } : {}),
    });
    if (!response.ok) throw await this.#statusError(response);
    return response;
  }

  /**
   * Bytes of a file from `from` to before `to`, of a data set's or a model's repository. The caller reads or cancels it.
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
    /** `datasets/OWNER/NAME`, or `OWNER/NAME` of a model. */
    id: string;
    revision: string;
    file: string;
    from: number;
    to: number;
  }): Promise<BoundedResponse> {
    const path = `/${id}/resolve/${encodeURIComponent(revision)}/${file.split('/').map(encodeURIComponent).join('/')}`;
    const response = await this.#request(path, { 'accept-encoding': 'identity', range: `bytes=${from}-${to - 1}` });
    // 416: there is nothing from that byte on, as in an empty file.
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
   * The next page that a `Link` header names. Only its query is taken: whatever host it names, the list continues at the
   * endpoint. Mirrors that pass on the hub's own header so work too.
   */
  #nextPage({ path, link, id }: { path: string; link: string | null; id: string }): string | undefined {
    const target = /<([^<>]*)>\s*;[^,<]*\brel="?next\b"?/i.exec(link ?? '')?.[1];
    if (target === undefined) return undefined;
    const { endpoint } = this.#options.settings;
    let url: URL | undefined;
    try {
      url = new URL(target, `${endpoint}${path}`);
    } catch {
      // Refused below.
    }
    if (url === undefined || !url.searchParams.has('cursor')) {
      // Without a cursor there is no telling what is asked for; at the endpoint itself the address is taken as it is.
      const prefix = new URL(endpoint).pathname.replace(/\/+$/, '');
      if (url !== undefined && url.origin === new URL(endpoint).origin && url.pathname === `${prefix}${path}`)
        return `${path}${url.search}`;
      const where = url === undefined || url.host === '' ? 'an address that is none' : url.host;
      throw new HubError({
        code: 'invalid-answer',
        message: `${this.name} says that its list of the files of "${id}" continues at ${printable(where)}, which is not followed`,
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
