import { request, type BoundedResponse } from '@subtext/core/node';

import type { HubClientOptions } from '../hub-client';
import { statusError } from '../status-error';
import { HubError } from '../hub-error';

/** Time limit for calls that send no file, in seconds. */
const callSeconds = 120;
/** Time limit for uploading a file or part, in seconds; generous, for slow connections. */
const storageSeconds = 3600;
const answerBytes = 16 * 2 ** 20;

/** HTTP calls of a push. The token is sent only to the endpoint's own host, not to the host that stores the files. */
export class PushClient {
  readonly #options: HubClientOptions;

  constructor(options: HubClientOptions) {
    this.#options = options;
  }

  /**
   * Calls the hub's own API.
   *
   * @param options.accept status codes that count as success in addition to 2xx
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
      // Uploads go only to the configured host, so redirects to another are not followed.
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
      throw new HubError({
        code: 'invalid-answer',
        message: `${settings.endpointName}${path} did not return an object`,
      });
    return value as Readonly<Record<string, unknown>>;
  }

  /**
   * Sends bytes to a URL provided by the hub.
   *
   * @returns the response's ETag
   * @throws HubStatusError, RequestError, HubError `invalid-answer` for a URL that is not http
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

  /** Sends a completion notice to a URL provided by the hub; with the token if it is the hub's own. */
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

  /** Parses a URL provided by the hub. @throws HubError `invalid-answer` */
  address(href: unknown): URL {
    const { endpoint, endpointName } = this.#options.settings;
    if (typeof href === 'string' && URL.canParse(href, endpoint)) {
      const url = new URL(href, endpoint);
      if (url.protocol === 'https:' || url.protocol === 'http:') return url;
    }
    throw new HubError({ code: 'invalid-answer', message: `${endpointName} returned no valid upload URL for a file` });
  }

  #failure(response: BoundedResponse): Promise<Error> {
    const { token, settings } = this.#options;
    return statusError({ response, secrets: [token, new URL(settings.endpoint).password] });
  }
}
