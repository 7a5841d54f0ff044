/** A URL for messages: without user, password and query values, any of which may be secret. */
export function printableUrl(address: string | URL): string {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    // Not a valid URL: what precedes an @ may be a password.
    return String(address).replace(/\/\/[^/@\s]*@/g, '//***@');
  }
  if (url.username !== '' || url.password !== '') {
    url.username = '***';
    url.password = '';
  }
  for (const name of [...url.searchParams.keys()]) url.searchParams.set(name, '***');
  return url.href;
}

/** Replaces each secret in a text by `***`. Secrets of fewer than four characters are kept: they match ordinary words. */
export function redact({ text, secrets }: { text: string; secrets: readonly (string | undefined)[] }): string {
  let safe = text;
  for (const secret of secrets) if (secret !== undefined && secret.length >= 4) safe = safe.split(secret).join('***');
  return safe.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/gi, '$1***@');
}
