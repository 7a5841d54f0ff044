/** Stage tags as in LLaVA-CoT: `<SUMMARY>`, `</REASONING>`. Thinking tokens: `<THINKING_OF_CAPTION_3>`. Special tokens: `<|latent|>`, `<pause>`, `</s>`. */
const tags = /<\/?[A-Z][A-Z0-9_]*>|<\|[^|<>\n]{1,60}\|>|<\/?s>|<(?:pause|pad|unk|bos|eos|image)>/g;

/**
 * The text that is compared with a reference: without stage tags, thinking tokens, special tokens and
 * an explanation's opening words, and with single spaces. Text and reference must both go through it:
 * scored with them, two texts agree on what no model had to write.
 */
export function stripForScoring({
  text,
  prefixes = [],
}: {
  text: string;
  /** Opening words to take off, such as an interpreter's answer prefixes; the longest that fits, once, any case. @default none */
  prefixes?: readonly string[];
}): string {
  const plain = text.replace(tags, ' ').replace(/\s+/g, ' ').trim();
  const lower = plain.toLowerCase();
  const fitting = prefixes
    .map((prefix) => prefix.replace(tags, ' ').replace(/\s+/g, ' ').trim())
    .filter((prefix) => prefix !== '' && lower.startsWith(prefix.toLowerCase()))
    // A prefix ends at a word's end: "It is" is no prefix of "It isn't".
    .filter((prefix) => !/[\p{L}\p{N}'’]$/u.test(prefix) || !/^[\p{L}\p{N}'’]/u.test(plain.slice(prefix.length)));
  const longest = fitting.reduce((best, prefix) => (prefix.length > best.length ? prefix : best), '');
  const rest = plain.slice(longest.length);
  return longest === '' ? plain : rest.replace(/^[\s:,\-–—]+/u, '');
}
