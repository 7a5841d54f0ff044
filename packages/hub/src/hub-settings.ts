import { printableUrl } from '@subtext/core';
import { FileError, readTextFile } from '@subtext/core/node';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { HubError } from './hub-error';

/** Hub and cache settings. */
export interface HubSettings {
  /** URL of the hub, which may contain a user and password: for requests, never for messages. */
  endpoint: string;
  /** URL of the hub, for messages. */
  endpointName: string;
  /** Folder of the model cache. */
  cacheFolder: string;
  /** Access token from the environment, if any. */
  token: string | undefined;
  /** File in which `hf auth login` stores the token; undefined if it must not be used. */
  tokenFile: string | undefined;
  /** Use only the cache. */
  offline: boolean;
  /** Time limits for the response headers and between two chunks, in seconds. */
  headSeconds: number;
  idleSeconds: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings of Hugging Face's own tools: `HF_ENDPOINT`; `HF_HUB_CACHE` (older: `HUGGINGFACE_HUB_CACHE`), else
 * `HF_HOME`/hub, else `XDG_CACHE_HOME`/huggingface/hub, else ~/.cache/huggingface/hub; `HF_TOKEN` (older:
 * `HUGGING_FACE_HUB_TOKEN`), else the file `HF_TOKEN_PATH` or `HF_HOME`/token written by `hf auth login`, unless
 * `HF_HUB_DISABLE_IMPLICIT_TOKEN` is set; `HF_HUB_OFFLINE`; `HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`.
 *
 * @throws HubError `invalid-endpoint`
 */
export function hubSettings(environment: Environment): HubSettings {
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const isSet = (name: string): boolean => ['1', 'true', 'yes', 'on'].includes((value(name) ?? '').toLowerCase());
  const home = expandHome(
    value('HF_HOME') ?? join(value('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface'),
  );
  const implicit = !isSet('HF_HUB_DISABLE_IMPLICIT_TOKEN');
  const endpoint = checkedEndpoint(value('HF_ENDPOINT') ?? 'https://huggingface.co');
  return {
    endpoint,
    endpointName: printableUrl(endpoint).replace(/\/+$/, ''),
    cacheFolder: expandHome(value('HF_HUB_CACHE') ?? value('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub')),
    token: implicit
      ? (cleanToken(environment['HF_TOKEN']) ?? cleanToken(environment['HUGGING_FACE_HUB_TOKEN']))
      : undefined,
    tokenFile: implicit ? expandHome(value('HF_TOKEN_PATH') ?? join(home, 'token')) : undefined,
    offline: isSet('HF_HUB_OFFLINE'),
    headSeconds: seconds(value('HF_HUB_ETAG_TIMEOUT')),
    idleSeconds: seconds(value('HF_HUB_DOWNLOAD_TIMEOUT')),
  };
}

/**
 * The token for requests: the given one, else the environment's, else that of `hf auth login`. None if the endpoint's URL
 * contains a user and password, which are then used instead.
 *
 * @throws HubError `unauthorized` if the token file can't be read
 */
export async function accessToken({
  settings,
  given,
}: {
  settings: HubSettings;
  given: string | undefined;
}): Promise<string | undefined> {
  if (given !== undefined) return given;
  const { username, password } = new URL(settings.endpoint);
  if (username !== '' || password !== '') return undefined;
  if (settings.token !== undefined || settings.tokenFile === undefined) return settings.token;
  try {
    return cleanToken(await readTextFile({ path: settings.tokenFile, maximumBytes: 65_536 }));
  } catch (cause) {
    if (FileError.isInstance(cause) && (cause.code === 'not-found' || cause.message.includes('ENOTDIR')))
      return undefined;
    throw new HubError({
      code: 'unauthorized',
      message: `the access token can't be read: ${(cause as Error).message}. Run "hf auth login" again, set HF_TOKEN, or set HF_HUB_DISABLE_IMPLICIT_TOKEN=1 to use none`,
      cause,
    });
  }
}

/** Removes line breaks from pasted tokens, like huggingface_hub. */
function cleanToken(text: string | undefined): string | undefined {
  return text?.replace(/[\r\n]/g, '').trim() || undefined;
}

/** Validates the endpoint. Invalid URLs are not printed, since they may contain a password. */
function checkedEndpoint(text: string): string {
  const endpoint = text.replace(/\/+$/, '');
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw new HubError({
      code: 'invalid-endpoint',
      message:
        'HF_ENDPOINT is not a valid URL. Set it to one such as https://huggingface.co, with @ : / and % in a password written as %40 %3A %2F %25',
    });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new HubError({
      code: 'invalid-endpoint',
      message: `HF_ENDPOINT has the protocol ${url.protocol}; only https: and http: are supported`,
    });
  if (url.search !== '' || url.hash !== '')
    throw new HubError({
      code: 'invalid-endpoint',
      message: 'HF_ENDPOINT must not have a query (?) or fragment (#)',
    });
  return endpoint;
}

/** Timeout from the environment, at most ten minutes. Default ten seconds, as in huggingface_hub. */
function seconds(text: string | undefined): number {
  const value = Number(text ?? '10');
  return Number.isFinite(value) && value > 0 ? Math.min(value, 600) : 10;
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
