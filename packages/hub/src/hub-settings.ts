import { printableUrl } from '@subtext/core';
import { FileError, readTextFile } from '@subtext/core/node';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { HubError } from './hub-error';

/** Where models come from and where they are kept. */
export interface HubSettings {
  /** The hub's address, with the user and password that it may hold: for requests, never for messages. */
  endpoint: string;
  /** The hub's address for messages. */
  endpointName: string;
  /** The folder of cached models. */
  cacheFolder: string;
  /** The access token, where the environment holds one. */
  token: string | undefined;
  /** Where `hf auth login` keeps the token; undefined where it is not to be used. */
  tokenFile: string | undefined;
  /** Whether only the cache may be used. */
  offline: boolean;
  /** Seconds until an answer must begin, and that may pass between two pieces of it. */
  headSeconds: number;
  idleSeconds: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The settings that Hugging Face's own tools read: `HF_ENDPOINT`, `HF_HUB_CACHE` (older: `HUGGINGFACE_HUB_CACHE`), else
 * `HF_HOME`/hub, else `XDG_CACHE_HOME`/huggingface/hub, else ~/.cache/huggingface/hub; `HF_TOKEN` (older:
 * `HUGGING_FACE_HUB_TOKEN`), else the file `HF_TOKEN_PATH` or `HF_HOME`/token, which `hf auth login` writes, neither of
 * them with `HF_HUB_DISABLE_IMPLICIT_TOKEN`; `HF_HUB_OFFLINE`; `HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`.
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
 * The token that requests carry: the one given, else the environment's, else that of `hf auth login`. None where the
 * endpoint's address has a user and password of its own: those are what was given for that host.
 *
 * @throws HubError `unauthorized` where the token's file can't be read
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

/** As huggingface_hub cleans tokens: line breaks, which come with copying, are left out. */
function cleanToken(text: string | undefined): string | undefined {
  return text?.replace(/[\r\n]/g, '').trim() || undefined;
}

/** An address that is wrong is not printed: a password may stand in it. */
function checkedEndpoint(text: string): string {
  const endpoint = text.replace(/\/+$/, '');
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw new HubError({
      code: 'invalid-endpoint',
      message:
        'HF_ENDPOINT is not an address. Set it to one such as https://huggingface.co, with @ : / and % in a password written as %40 %3A %2F %25',
    });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new HubError({
      code: 'invalid-endpoint',
      message: `HF_ENDPOINT is an address of ${url.protocol}, not of https: or http:`,
    });
  if (url.search !== '' || url.hash !== '')
    throw new HubError({
      code: 'invalid-endpoint',
      message: 'HF_ENDPOINT has a query (?) or a fragment (#), which the address of a hub has not',
    });
  return endpoint;
}

/** Ten seconds, as huggingface_hub has it, unless the environment says otherwise; at most ten minutes. */
function seconds(text: string | undefined): number {
  const value = Number(text ?? '10');
  return Number.isFinite(value) && value > 0 ? Math.min(value, 600) : 10;
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
