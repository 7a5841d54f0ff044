import { ComponentSettings } from './component-settings';
import { precompiledNormalizer } from './precompiled-normalizer';
import { toByteCharacters } from './byte-characters';
import { finderOf, replaceFound } from './text-pattern';
import { unsupported } from './tokenizer-error';
import type { ComponentConfiguration } from './tokenizer-file';

/** Normalises text. */
export type Normalizer = (text: string) => string;

/** The normalizer of a tokenizer.json, as in Rust's tokenizers. */
export function createNormalizer(configuration: ComponentConfiguration | null): Normalizer | undefined {
  if (configuration === null) return undefined;
  const settings = new ComponentSettings(configuration, `the normalizer "${configuration.type}"`);
  switch (configuration.type) {
    case 'Sequence': {
      const steps = settings.components('normalizers').map((step) => createNormalizer(step)!);
      return (text) => steps.reduce((current, step) => step(current), text);
    }
    case 'NFC':
      return (text) => text.normalize('NFC');
    case 'NFD':
      return (text) => text.normalize('NFD');
    case 'NFKC':
      return (text) => text.normalize('NFKC');
    case 'NFKD':
      return (text) => text.normalize('NFKD');
    case 'Replace': {
      const find = finderOf(settings.pattern('pattern'));
      const content = settings.text('content');
      return (text) => replaceFound(text, find, content);
    }
    case 'Prepend': {
      const prefix = settings.text('prepend');
      return (text) => (text.length === 0 ? text : prefix + text);
    }
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '');
    case 'Lowercase':
      return lowercase;
    case 'Strip':
      return stripNormalizer(settings);
    case 'BertNormalizer':
      return bertNormalizer(settings);
    case 'Precompiled':
      return precompiledNormalizer(settings.optionalText('precompiled_charsmap'));
    case 'ByteLevel':
      return toByteCharacters;
    case 'Nmt':
      return nmt;
    default:
      throw unsupported(`the normalizer "${configuration.type}"`);
  }
}

/** Lowercases character by character, as in the reference: `String.toLowerCase` treats a final sigma specially. */
function lowercase(text: string): string {
  if (!text.includes('Σ')) return text.toLowerCase();
  return Array.from(text, (character) => character.toLowerCase()).join('');
}

function stripNormalizer(settings: ComponentSettings): Normalizer {
  const left = settings.flag('strip_left', false);
  const right = settings.flag('strip_right', false);
  return (text) => {
    const start = left ? text.replace(/^\p{White_Space}+/u, '') : text;
    // A regular expression ending in $ would take quadratic time on long runs of whitespace.
    let end = start.length;
    if (right) while (end > 0 && /\p{White_Space}/u.test(start[end - 1]!)) end -= 1;
    return start.slice(0, end);
  };
}

/** Control characters and spaces as defined by the original NMT code. */
function nmt(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- the control characters are what it is about
      .replace(/[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/g, '')
      // eslint-disable-next-line no-control-regex -- as above
      .replace(/[\u0009\u000a\u000c\u000d\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, ' ')
  );
}

/** BERT's normalizer: removes control characters and accents, pads Chinese characters with spaces, lowercases. */
function bertNormalizer(settings: ComponentSettings): Normalizer {
  const cleanText = settings.flag('clean_text', true);
  const chinese = settings.flag('handle_chinese_chars', true);
  const lower = settings.flag('lowercase', true);
  const strip = settings.flag('strip_accents', lower);
  return (text) => {
    let result = text;
    if (cleanText) {
      // The replacement character and control, format and private-use characters, except whitespace.
      result = result.replace(/(?![\t\n\r])[\ufffd\p{Cc}\p{Cf}\p{Co}]/gu, '').replace(/\p{White_Space}/gu, ' ');
    }
    if (chinese) result = result.replace(chineseCharacter, ' $& ');
    if (strip) result = result.normalize('NFD').replace(/\p{Mn}/gu, '');
    if (lower) result = lowercase(result);
    return result;
  };
}

/** Unicode blocks that BERT's code treats as Chinese characters. */
const chineseCharacter =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
