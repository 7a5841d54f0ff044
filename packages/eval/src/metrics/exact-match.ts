/** One writing for answers in words: lower case, single spaces, no space or full stop at the ends. */
export function normalizeAnswer(text: string): string {
  return text
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\s*[.。]+$/u, '');
}

/** Digits written apart, as in the multiplication data, most significant last or first: `5 5 6 0` → `5560`; null if anything else is there. */
export function spacedDigits(text: string): string | null {
  const joined = text.replace(/\s+/g, '');
  return /^\d+$/.test(joined) ? joined : null;
}
