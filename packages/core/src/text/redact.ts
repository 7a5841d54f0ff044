/** An address for messages: without the user, the password, and the values of its query, any of which may be secret. */
export function printableUrl(address: string | URL): string {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    // Not an address that can be taken apart: what stands before an @ may be a password.
    return String(address).replace(/\/\/[^/@\s]*@/g, '//***@');
  }
  if (url.username !== '' || url.password !== '') {
    url.username = '***';
    url.password = '';
  }
  for (const name of [...url.searchParams.keys()]) url.searchParams.set(name, '***');
  return url.href;
}

/** A text in which each of the secrets is written `***`. Secrets shorter than four characters are left: they are words. */
export function redact({ text, secrets }: { text: string; secrets: readonly (string | undefined)[] }): string {
  let safe = text;
  for (const secret of secrets) if (secret !== undefined && secret.length >= 4) safe = safe.split(secret).join('***');
  return safe.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/gi, '$1***@');
}
