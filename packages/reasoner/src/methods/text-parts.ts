/**
 * Cuts a stage's text into consecutive parts, one for each of its thoughts: after sentences where there are as many as
 * thoughts, else between words, as evenly as they go. Joined by spaces the parts are the text again, but for its white space.
 */
export function textParts({ text, parts }: { text: string; /** At least 1. */ parts: number }): string[] {
  const words = text.split(/\s+/u).filter((word) => word !== '');
  const sentences: string[] = [];
  let begun: string[] = [];
  for (const word of words) {
    begun.push(word);
    if (!/[.!?;]["')\]]*$/u.test(word)) continue;
    sentences.push(begun.join(' '));
    begun = [];
  }
  if (begun.length > 0) sentences.push(begun.join(' '));
  const pieces = sentences.length >= parts ? sentences : words;
  return Array.from({ length: parts }, (_, part) =>
    pieces
      .slice(Math.floor((part * pieces.length) / parts), Math.floor(((part + 1) * pieces.length) / parts))
      .join(' '),
  );
}
