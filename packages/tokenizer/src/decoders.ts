import { BPEDecoder, CTCDecoder, FuseDecoder, ReplaceDecoder, StripDecoder } from '@huggingface/tokenizers';
import { tokenBytes } from './byte-characters';
import { unsupported } from './tokenizer-error';
import type { ComponentConfiguration } from './tokenizer-file';

/** Tokens to the pieces of text that, put together, are what they say. */
export type Decoder = (tokens: readonly string[]) => string[];

/** The decoder of a tokenizer.json, as the reference (Rust tokenizers) decodes; without one, tokens are parted by spaces. */
export function createDecoder(configuration: ComponentConfiguration | null): Decoder {
  if (configuration === null) return (tokens) => [tokens.join(' ')];
  const library = (decoder: { decode_chain(tokens: string[]): string[] }): Decoder => (tokens) => decoder.decode_chain([...tokens]);
  const settings = configuration as never;
  switch (configuration.type) {
    case 'Sequence': {
      const steps = ((configuration['decoders'] ?? []) as ComponentConfiguration[]).map(createDecoder);
      return (tokens) => steps.reduce<readonly string[]>((current, step) => step(current), tokens) as string[];
    }
    case 'ByteLevel':
      return byteLevel;
    case 'ByteFallback':
      return byteFallback;
    case 'Metaspace':
      return metaspace(configuration);
    case 'WordPiece':
      return wordPiece(configuration);
    case 'Fuse':
      return library(new FuseDecoder(settings));
    case 'Strip':
      return library(new StripDecoder(settings));
    case 'Replace':
      return library(new ReplaceDecoder(settings));
    case 'BPEDecoder':
      return library(new BPEDecoder(settings));
    case 'CTC':
      return library(new CTCDecoder(settings));
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

/** Runs of `<0xE4>` become text; a run that is not valid UTF-8 becomes one replacement character a byte. */
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

function metaspace(configuration: ComponentConfiguration): Decoder {
  const replacement = String(configuration['replacement'] ?? '▁');
  const scheme = configuration['prepend_scheme'] ?? (configuration['add_prefix_space'] === false ? 'never' : 'always');
  return (tokens) => tokens.map((token, index) => token.replaceAll(replacement, index === 0 && scheme !== 'never' ? '' : ' '));
}

function wordPiece(configuration: ComponentConfiguration): Decoder {
  const prefix = String(configuration['prefix'] ?? '##');
  const cleanup = configuration['cleanup'] !== false;
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

/** What transformers does to decoded text where `clean_up_tokenization_spaces` is set, except for BPE models. */
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
