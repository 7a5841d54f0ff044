import { isObject, type ComponentConfiguration, type TokenizerFile, type TokenizerSettings } from './tokenizer-file';

/** Split pattern of Mistral's own tokenizers, which transformers substitutes in folders saved with a wrong one. */
const pattern =
  '[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const families = ['mistral', 'mistral3', 'voxtral', 'ministral', 'pixtral'];
/** Smaller vocabularies predate this split. */
const smallest = 100_000;

/**
 * Replaces the first split of a tokenizer.json by Mistral's if tokenizer_config.json sets `fix_mistral_regex`, under the
 * same conditions as transformers: more than 100,000 tokens, and a config.json of a Mistral model family that was written
 * by a version before 5 or names no version. Everything else is unchanged.
 */
export function withMistralSplit({
  file,
  settings,
  configuration,
}: {
  file: TokenizerFile;
  settings: TokenizerSettings;
  /** config.json of the same folder. */
  configuration: Record<string, unknown> | undefined;
}): TokenizerFile {
  const own = file.pre_tokenizer;
  if (own === null || configuration === undefined || !settings['fix_mistral_regex']) return file;
  if (numberOfTokens(file) <= smallest) return file;
  const { transformers_version: version, model_type: family } = configuration;
  if (typeof version === 'string') {
    if (!isBeforeFive(version)) return file;
    if (typeof family === 'string' && !families.includes(family)) return file;
  }
  const split = { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const steps =
    own.type === 'Sequence' && Array.isArray(own['pretokenizers'])
      ? (own['pretokenizers'] as ComponentConfiguration[]).slice(1)
      : [own.type === 'Metaspace' ? bytes : own];
  return { ...file, pre_tokenizer: { type: 'Sequence', pretokenizers: [split, ...steps] } };
}

function numberOfTokens({ model, added_tokens: added }: TokenizerFile): number {
  const words = isObject(model.vocab) ? Object.keys(model.vocab) : model.vocab.map(([word]) => word);
  return new Set([...words, ...added.map(({ content }) => content)]).size;
}

/** Whether a Python version precedes 5.0.0; pre-releases of 5.0.0 do. */
function isBeforeFive(version: string): boolean {
  const major = Number(/^\s*v?(\d+)/.exec(version)?.[1] ?? 0);
  return major < 5 || (major === 5 && /^\s*v?5(?:\.0)*[._-]?(?:dev|a|b|c|rc|pre)/i.test(version));
}
