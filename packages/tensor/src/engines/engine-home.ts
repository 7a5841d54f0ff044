/**
 * Folder of engines installed by Subtext: `$SUBTEXT_ENGINES`, else `subtext/engines` in the user's cache folder
 * (`$XDG_CACHE_HOME` or `~/.cache`; `%LOCALAPPDATA%` on Windows). Node only.
 */
export async function engineHome(): Promise<string> {
  const [{ homedir }, { join, resolve }] = await Promise.all([import('node:os'), import('node:path')]);
  const { SUBTEXT_ENGINES: chosen, XDG_CACHE_HOME: cache, LOCALAPPDATA: local } = process.env;
  if (chosen) {
    return resolve(chosen);
  }
  return join(cache || (process.platform === 'win32' && local) || join(homedir(), '.cache'), 'subtext', 'engines');
}
