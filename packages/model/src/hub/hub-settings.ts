import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where models come from and where they are kept. */
export interface HubSettings {
  /** The hub's address. */
  endpoint: string;
  /** The folder of cached models. */
  cacheFolder: string;
  /** The access token, where there is one. */
  token: string | undefined;
  /** Whether only the cache may be used. */
  offline: boolean;
}

/**
 * The settings that Hugging Face's own tools read: `HF_ENDPOINT`, `HF_HUB_CACHE` (older: `HUGGINGFACE_HUB_CACHE`), else
 * `HF_HOME`/hub, else `XDG_CACHE_HOME`/huggingface/hub, else ~/.cache/huggingface/hub; `HF_TOKEN`; `HF_HUB_OFFLINE`.
 */
export function hubSettings(environment: Readonly<Record<string, string | undefined>>): HubSettings {
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const home = value('HF_HOME') ?? join(value('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  return {
    endpoint: (value('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, ''),
    cacheFolder: expandHome(value('HF_HUB_CACHE') ?? value('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub')),
    token: value('HF_TOKEN'),
    offline: ['1', 'true', 'yes', 'on'].includes((value('HF_HUB_OFFLINE') ?? '').toLowerCase()),
  };
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
