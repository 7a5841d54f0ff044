/**
 * Expressions of published tokenizers that JavaScript's engine runs in linear time on any text: whatever one
 * alternative tries in vain, a later one consumes, so that the search moves past it. They run natively at any length;
 * other expressions only within their computed bound.
 */
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const spaces = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const upper = '\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}';
const lower = '\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}';
const symbols = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*';
const slashed = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*';
const gpt2 = (numbers: string): string =>
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}${numbers}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+`;
const cl100k = (numbers: string, letters = '\\p{L}+'): string =>
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?${letters}|\\p{N}${numbers}|${symbols}|${spaces}`;
const o200k = (suffix: string, numbers: string, marks: string): string =>
  `[^\\r\\n\\p{L}\\p{N}]?[${upper}]*[${lower}]+${suffix}|[^\\r\\n\\p{L}\\p{N}]?[${upper}]+[${lower}]*${suffix}|\\p{N}${numbers}|${marks}|${spaces}`;

export const publishedPatterns: ReadonlySet<string> = new Set([
  gpt2('+'),
  gpt2(''),
  gpt2('{1,3}'),
  cl100k('{1,3}'),
  cl100k(''),
  cl100k('+'),
  cl100k('{1,2}'),
  // Qwen 3.5: marks with letters.
  cl100k('', '[\\p{L}\\p{M}]+').replace('[^\\s\\p{L}\\p{N}]', '[^\\s\\p{L}\\p{M}\\p{N}]'),
  cl100k('{1,3}').replace(`${contractions}|`, "'(?i:[sdmt]|ll|ve|re)|"),
  o200k(`${contractions}?`, '{1,3}', slashed),
  o200k(`${contractions}?`, '{1,3}', symbols),
  o200k('', '{1,3}', slashed),
  o200k('', '', slashed),
  o200k('', '{1,3}', symbols),
  // CLIP
  "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
  "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
  // BLOOM
  ' ?[^(\\s|[.,!?…。，、।۔،])]+',
  // DeepSeek
  '[\\r\\n]',
  '\\s?\\p{L}+',
  '\\s?\\p{P}+',
  '[一-龥ࠀ-一가-퟿]+',
  '[一-龥぀-ゟ゠-ヿ]+',
  '\\p{N}+',
  '\\p{N}',
  '\\p{N}{1,3}',
  `[!"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_\`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|${spaces}`,
  // Only white space and marks.
  '\\s+',
  '\\s',
  ' ',
  ' +',
  '\\d',
  '[0-9]',
  '[0-9][0-9][0-9]',
  ' ?[^\\s\\p{L}\\p{M}\\p{N}]',
  // Subtext's own word-level tokenizers.
  ' ?[\\p{L}\\p{M}]+| ?\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]|\\s',
]);
