/** The entries of a Python list of texts and numbers as `str(list)` writes it: `['a', "b's", 3]`; null for anything else. */
export function parsePythonList(text: string): string[] | null {
  const trimmed = text.trim();
  if (!trimmed.startsWith('[') || !trimmed.endsWith(']')) return null;
  const entries: string[] = [];
  const pattern = /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([-+\w.]+))\s*(?:,|$)/gy;
  const inner = trimmed.slice(1, -1);
  while (pattern.lastIndex < inner.length) {
    if (inner.slice(pattern.lastIndex).trim() === '') break;
    const match = pattern.exec(inner);
    if (match === null) return null;
    const quoted = match[1] ?? match[2];
    entries.push(quoted === undefined ? (match[3] as string) : unescape(quoted));
  }
  return entries;
}

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r' };

function unescape(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/gi,
    (_, hex?: string, unicode?: string, plain?: string) =>
      plain === undefined ? String.fromCharCode(parseInt((hex ?? unicode) as string, 16)) : (escapes[plain] ?? plain),
  );
}
