/** One writing for answers in words: lower case, single spaces, no space or full stop at the ends. */
export function normalizeAnswer(text: string): string {
  return text
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\s*[.。]+$/u, '');
}
