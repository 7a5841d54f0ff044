import {
  NFCNormalizer,
  NFDNormalizer,
  NFKCNormalizer,
  NFKDNormalizer,
  PrependNormalizer,
  ReplaceNormalizer,
  StripAccentsNormalizer,
} from '@huggingface/tokenizers';
import { precompiledNormalizer } from './precompiled-normalizer';
import { toByteCharacters } from './byte-characters';
import { unsupported } from './tokenizer-error';
import type { ComponentConfiguration } from './tokenizer-file';

/** Text to normalised text. */
export type Normalizer = (text: string) => string;

/**
 * The normalizer of a tokenizer.json. Those that the library gets right are the library's; the others follow the
 * reference (Rust tokenizers).
 */
export function createNormalizer(configuration: ComponentConfiguration | null): Normalizer | undefined {
  if (configuration === null) return undefined;
  const library = (normalizer: { normalize(text: string): string }): Normalizer => (text) => normalizer.normalize(text);
  // The library types its settings by component; ours come from a file.
  const settings = configuration as never;
  switch (configuration.type) {
    case 'Sequence': {
      const steps = ((configuration['normalizers'] ?? []) as ComponentConfiguration[]).map((step) => createNormalizer(step)!);
      return (text) => steps.reduce((current, step) => step(current), text);
    }
    case 'NFC':
      return library(new NFCNormalizer(settings));
    case 'NFD':
      return library(new NFDNormalizer(settings));
    case 'NFKC':
      return library(new NFKCNormalizer(settings));
    case 'NFKD':
      return library(new NFKDNormalizer(settings));
    case 'Replace':
      return library(new ReplaceNormalizer(settings));
    case 'Prepend': {
      const prepend = library(new PrependNormalizer(settings));
      return (text) => (text.length === 0 ? text : prepend(text));
    }
    case 'StripAccents':
      return library(new StripAccentsNormalizer(settings));
    case 'Lowercase':
      return lowercase;
    case 'Strip':
      return stripNormalizer(configuration);
    case 'BertNormalizer':
      return bertNormalizer(configuration);
    case 'Precompiled':
      return precompiledNormalizer(configuration['precompiled_charsmap'] as string);
    case 'ByteLevel':
      return toByteCharacters;
    case 'Nmt':
      return nmt;
    default:
      throw unsupported(`the normalizer "${configuration.type}"`);
  }
}

/** Lowercase one character at a time, as the reference does: `String.toLowerCase` looks around a final sigma. */
function lowercase(text: string): string {
  if (!text.includes('Σ')) return text.toLowerCase();
  return Array.from(text, (character) => character.toLowerCase()).join('');
}

function stripNormalizer(configuration: ComponentConfiguration): Normalizer {
  const left = configuration['strip_left'] === true;
  const right = configuration['strip_right'] === true;
  return (text) => {
    const start = left ? text.replace(/^\p{White_Space}+/u, '') : text;
    return right ? start.replace(/\p{White_Space}+$/u, '') : start;
  };
}

/** What the original NMT code treats as control characters and as spaces. */
function nmt(text: string): string {
  return text
    // eslint-disable-next-line no-control-regex -- the control characters are what it is about
    .replace(/[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/g, '')
    // eslint-disable-next-line no-control-regex -- as above
    .replace(/[\u0009\u000a\u000c\u000d\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, ' ');
}

/** BERT's: control characters out, spaces around Chinese characters, lower case, accents off. */
function bertNormalizer(configuration: ComponentConfiguration): Normalizer {
  const cleanText = configuration['clean_text'] !== false;
  const chinese = configuration['handle_chinese_chars'] !== false;
  const lower = configuration['lowercase'] !== false;
  const strip = configuration['strip_accents'] ?? lower;
  return (text) => {
    let result = text;
    if (cleanText) {
      // The replacement character and control, format and private characters, but for white space.
      result = result.replace(/(?![\t\n\r])[\ufffd\p{Cc}\p{Cf}\p{Co}]/gu, '').replace(/\p{White_Space}/gu, ' ');
    }
    if (chinese) result = result.replace(chineseCharacter, ' $& ');
    if (strip) result = result.normalize('NFD').replace(/\p{Mn}/gu, '');
    if (lower) result = lowercase(result);
    return result;
  };
}

/** The blocks that BERT's code counts as Chinese characters. */
const chineseCharacter =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
