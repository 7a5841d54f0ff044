import { tokenBytes } from './byte-characters';
import { ComponentSettings } from './component-settings';
import { finderOf, replaceFound } from './text-pattern';
import { unsupported } from './tokenizer-error';
import type { ComponentConfiguration } from './tokenizer-file';

/** Converts tokens to pieces of text, which are concatenated. */
export type Decoder = (tokens: readonly string[]) => string[];

/** The decoder of a tokenizer.json, as in Rust's tokenizers; without one, tokens are joined by spaces. */
export function createDecoder(configuration: ComponentConfiguration | null): Decoder {
  if (configuration === null) return (tokens) => [tokens.join(' ')];
  const settings = new ComponentSettings(configuration, `the decoder "${configuration.type}"`);
  switch (configuration.type) {
    case 'Sequence': {
      const steps = settings.components('decoders').map(createDecoder);
      return (tokens) => steps.reduce<readonly string[]>((current, step) => step(current), tokens) as string[];
    }
    case 'ByteLevel':
      return byteLevel;
    case 'ByteFallback':
      return byteFallback;
    case 'Metaspace':
      return metaspace(settings);
    case 'WordPiece':
      return wordPiece(settings);
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Strip':
      return strip(settings);
    case 'Replace': {
      const find = finderOf(settings.pattern('pattern'));
      const content = settings.text('content');
      return (tokens) => tokens.map((token) => replaceFound(token, find, content));
    }
    case 'BPEDecoder': {
      const suffix = settings.text('suffix', '</w>');
      return (tokens) => tokens.map((token, index) => token.replaceAll(suffix, index === tokens.length - 1 ? '' : ' '));
    }
    case 'CTC':
      return ctc(settings);
    default:
      throw unsupported(`the decoder "${configuration.type}"`);
  }
}

function byteLevel(tokens: readonly string[]): string[] {
  const parts = tokens.map(tokenBytes);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.byteLength;
  }
  return [new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)];
}

/** Decodes runs of tokens such as `<0xE4>`; a run that is not valid UTF-8 becomes one replacement character per byte. */
function byteFallback(tokens: readonly string[]): string[] {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const result: string[] = [];
  let run: number[] = [];
  const endRun = (): void => {
    if (run.length === 0) return;
    try {
      result.push(strict.decode(Uint8Array.from(run)));
    } catch {
      for (let index = 0; index < run.length; index += 1) result.push('\ufffd');
    }
    run = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token);
    if (byte !== null) {
      run.push(parseInt(byte[1]!, 16));
      continue;
    }
    endRun();
    result.push(token);
  }
  endRun();
  return result;
}

/** Strips a character from the ends of each token, up to the configured number of times. */
function strip(settings: ComponentSettings): Decoder {
  const content = settings.text('content', ' ');
  const most = { start: settings.whole('start', 0), stop: settings.whole('stop', 0) };
  return (tokens) =>
    tokens.map((token) => {
      const characters = Array.from(token);
      let start = 0;
      while (start < most.start && characters[start] === content) start += 1;
      let taken = 0;
      while (
        taken < most.stop &&
        characters.length - taken > start &&
        characters[characters.length - taken - 1] === content
      )
        taken += 1;
      return characters.slice(start, characters.length - taken).join('');
    });
}

/** Collapses repeated tokens and drops padding. */
function ctc(settings: ComponentSettings): Decoder {
  const padding = settings.text('pad_token', '<pad>');
  const delimiter = settings.text('word_delimiter_token', '|');
  const cleanup = settings.flag('cleanup', true);
  return (tokens) =>
    tokens
      .filter((token, index) => index === 0 || token !== tokens[index - 1])
      .map((token) => {
        const text = token.replaceAll(padding, '');
        return cleanup ? cleanUpWordPiece(text).replaceAll(delimiter, ' ') : text;
      })
      .filter((text) => text !== '');
}

function metaspace(settings: ComponentSettings): Decoder {
  const replacement = settings.text('replacement', '▁');
  const scheme = settings.text('prepend_scheme', settings.flag('add_prefix_space', true) ? 'always' : 'never');
  return (tokens) =>
    tokens.map((token, index) => token.replaceAll(replacement, index === 0 && scheme !== 'never' ? '' : ' '));
}

function wordPiece(settings: ComponentSettings): Decoder {
  const prefix = settings.text('prefix', '##');
  const cleanup = settings.flag('cleanup', true);
  return (tokens) =>
    tokens.map((token, index) => {
      const text = index === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleanup ? cleanUpWordPiece(text) : text;
    });
}

function cleanUpWordPiece(text: string): string {
  return text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(' do not', " don't")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

/** The `clean_up_tokenization_spaces` clean-up of transformers, which it skips for BPE models. */
export function cleanUpSpaces(text: string): string {
  return text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}
