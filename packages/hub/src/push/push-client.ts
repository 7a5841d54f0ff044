import { request, type BoundedResponse } from '@subtext/core/node';

import type { HubClientOptions } from '../hub-client';
import { statusError } from '../status-error';
import { HubError } from '../hub-error';

/** Seconds that a call which sends no file may take. */
const callSeconds = 120;
/** Seconds until a storage must have answered to a file, or to a part of one: a slow line takes its time. */
const storageSeconds = 3600;
const answerBytes = 16 * 2 ** 20;

/** The calls of a push. The token goes to the endpoint's own host; a file's storage, which is another host, gets none. */
export class PushClient {
  readonly #options: HubClientOptions;

  constructor(options: HubClientOptions) {
    this.#options = options;
  }

  /**
   * A call of the hub's own interface.
   *
   * @param options.accept statuses that are no failure beside success
   * @throws HubStatusError, RequestError, HubError `invalid-answer`
   */
  async call({
    path,
    body,
    type = 'application/json',
    accept = [],
  }: {
    path: string;
    body: string;
    type?: string;
    accept?: readonly number[];
  }): Promise<Readonly<Record<string, unknown>>> {
    const { settings, token, fetch, signal } = this.#options;
    const response = await request({
      url: `${settings.endpoint}${path}`,
      method: 'POST',
      headers: { 'content-type': type, accept: type.includes('lfs') ? type : 'application/json' },
      body,
      token,
      totalSeconds: callSeconds,
      headSeconds: callSeconds,
      maximumBytes: answerBytes,
      // A redirect to another host would be a hub that moved: what is sent goes to the one that was named.
      otherOrigins: false,
      signal,
      fetch,
    });
    if (!response.ok && !accept.includes(response.status)) throw await this.#failure(response);
    const value = (await response.json().catch((cause: unknown) => {
      if (cause instanceof SyntaxError) return {};
      throw cause;
    })) as unknown;
    if (typeof value !== 'object' || value === null)
      throw new HubError({ code: 'invalid-answer', message: `${settings.endpointName}${path} gave no object` });
    return value as Readonly<Record<string, unknown>>;
  }

  /**
   * Sends bytes to an address that the hub named.
   *
   * @returns the answer's ETag
   * @throws HubStatusError, RequestError, HubError `invalid-answer` for an address that is not http
   */
  async send({
    href,
    body,
    size,
  }: {
    href: string;
    body: () => AsyncIterable<Uint8Array>;
    size: number;
  }): Promise<string | undefined> {
    const { idleSeconds } = this.#options.settings;
    const response = await request({
      url: this.address(href),
      method: 'PUT',
      headers: { 'content-length': String(size) },
      body,
      headSeconds: storageSeconds,
      idleSeconds,
      maximumBytes: answerBytes,
      signal: this.#options.signal,
      fetch: this.#options.fetch,
    });
    if (!response.ok) throw await this.#failure(response);
    await response.cancel();
    return response.headers.get('etag') ?? undefined;
  }

  /** Tells an address that the hub named that something is done; with the token where it is the hub's own. */
  async tell({
    href,
    body,
    headers = {},
  }: {
    href: string;
    body: string;
    headers?: Readonly<Record<string, string>>;
  }): Promise<void> {
    const { settings, token, fetch, signal } = this.#options;
    const url = this.address(href);
    const response = await request({
      url,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/vnd.git-lfs+json', accept: 'application/vnd.git-lfs+json' },
      body,
      token: url.origin === new URL(settings.endpoint).origin ? token : undefined,
      totalSeconds: callSeconds,
      maximumBytes: answerBytes,
      signal,
      fetch,
    });
    if (!response.ok) throw await this.#failure(response);
    await response.cancel();
  }

  /** An address of the hub's answer. @throws HubError `invalid-answer` */
  address(href: unknown): URL {
    const { endpoint, endpointName } = this.#options.settings;
    if (typeof href === 'string' && URL.canParse(href, endpoint)) {
      const url = new URL(href, endpoint);
      if (url.protocol === 'https:' || url.protocol === 'http:') return url;
    }
    throw new HubError({ code: 'invalid-answer', message: `${endpointName} named no address for a file's content` });
  }

  #failure(response: BoundedResponse): Promise<Error> {
    const { token, settings } = this.#options;
    return statusError({ response, secrets: [token, new URL(settings.endpoint).password] });
  }
}
