import { TokenizerError } from './tokenizer-error';
import { settingText, type AddedToken, type TokenizerFile, type TokenizerSettings } from './tokenizer-file';

/** A token to add, with settings. */
export interface NewToken {
  /** Text of the token. */
  content: string;
  /** Omitted by `skipSpecialTokens`. @default true */
  special?: boolean;
  /** Strips whitespace before it. @default false */
  stripLeft?: boolean;
  /** Strips whitespace after it. @default false */
  stripRight?: boolean;
}

/** Reserved tokens of vocabularies, free for custom use. */
const reservedSlot =
  /^(?:<\|reserved_special_token_\d+\|>|<\|reserved_\d+\|>|<unused\d+>|\[unused\d+\]|<\|unused_?\d+\|>|<SPECIAL_\d+>|\[control_\d+\])$/;

/**
 * Adds tokens to a tokenizer's files.
 *
 * @returns new file and settings objects, and the tokens' ids in order
 * @throws TokenizerError `invalid-token`
 */
export function addTokensToFile(options: {
  file: TokenizerFile;
  settings: TokenizerSettings;
  tokens: readonly (string | NewToken)[];
  vocabularySize: number;
  useReservedSlots: boolean;
}): { file: TokenizerFile; settings: TokenizerSettings; ids: number[] } {
  const { file, useReservedSlots } = options;
  const wanted = options.tokens.map((token) => (typeof token === 'string' ? { content: token } : token));
  const contents = new Set<string>();
  for (const token of wanted) {
    const content = (token as NewToken | undefined)?.content;
    if (typeof content !== 'string' || content.trim() === '') {
      throw new TokenizerError({
        code: 'invalid-token',
        message: `a token needs a text, not ${JSON.stringify(content)}`,
      });
    }
    if (contents.has(content))
      throw new TokenizerError({
        code: 'invalid-token',
        message: `the token ${JSON.stringify(content)} is given twice`,
      });
    contents.add(content);
  }

  const vocabulary = Array.isArray(file.model.vocab)
    ? new Map(file.model.vocab.map(([token], id) => [token, id]))
    : new Map(Object.entries(file.model.vocab));
  const added = new Map(file.added_tokens.map((token) => [token.content, token]));
  const free = useReservedSlots
    ? reservedSlots({ added, vocabulary, settings: options.settings, except: contents })
    : [];
  let nextId = options.vocabularySize;
  const renamed = new Map<string, string>();
  const changed = new Map<number, AddedToken>();
  const ids = wanted.map((token) => {
    const existing = added.get(token.content)?.id ?? vocabulary.get(token.content);
    const slot = existing === undefined ? free.shift() : undefined;
    if (slot !== undefined) renamed.set(slot.content, token.content);
    const id = existing ?? slot?.id ?? nextId++;
    // Existing tokens keep their settings.
    if (added.get(token.content) === undefined) {
      changed.set(id, {
        id,
        content: token.content,
        single_word: false,
        lstrip: token.stripLeft ?? false,
        rstrip: token.stripRight ?? false,
        normalized: false,
        special: token.special ?? true,
      });
    }
    return id;
  });

  const kept = file.added_tokens.filter(({ id }) => !changed.has(id));
  return {
    file: {
      ...file,
      added_tokens: [...kept, ...changed.values()].sort((first, second) => first.id - second.id),
      model: renamedInVocabulary(file.model, renamed, vocabulary),
    },
    settings: withAddedTokens(options.settings, changed),
    ids,
  };
}

function reservedSlots(options: {
  added: ReadonlyMap<string, AddedToken>;
  vocabulary: ReadonlyMap<string, number>;
  settings: TokenizerSettings;
  except: ReadonlySet<string>;
}): { content: string; id: number }[] {
  const { added, vocabulary, settings, except } = options;
  // Some models use a reserved slot as a special token (Llama 3's padding), so it is not free.
  const named = new Set(
    Object.values(settings).map((value) =>
      typeof value === 'string' || isTokenObject(value) ? settingText(value) : undefined,
    ),
  );
  const slots = new Map<string, number>();
  for (const [content, id] of vocabulary) if (reservedSlot.test(content)) slots.set(content, id);
  for (const [content, { id }] of added) if (reservedSlot.test(content)) slots.set(content, id);
  return [...slots]
    .map(([content, id]) => ({ content, id }))
    .filter(({ content }) => !named.has(content) && !except.has(content))
    .sort((first, second) => first.id - second.id);
}

function isTokenObject(value: unknown): value is { content: string } {
  return typeof value === 'object' && value !== null && typeof (value as { content?: unknown }).content === 'string';
}

/** Renames slots in the model's vocabulary; returns the same model if it contains none of them. */
function renamedInVocabulary(
  model: TokenizerFile['model'],
  renamed: ReadonlyMap<string, string>,
  vocabulary: ReadonlyMap<string, number>,
): TokenizerFile['model'] {
  if (![...renamed.keys()].some((slot) => vocabulary.has(slot))) return model;
  const { vocab } = model;
  return {
    ...model,
    vocab: Array.isArray(vocab)
      ? vocab.map(([token, score]): [string, number] => [renamed.get(token) ?? token, score])
      : Object.fromEntries(Object.entries(vocab).map(([token, id]) => [renamed.get(token) ?? token, id])),
  };
}

/** transformers also lists added tokens in tokenizer_config.json. */
function withAddedTokens(settings: TokenizerSettings, changed: ReadonlyMap<number, AddedToken>): TokenizerSettings {
  if (settings.added_tokens_decoder === undefined) return settings;
  const decoder = { ...settings.added_tokens_decoder };
  for (const { id, ...token } of changed.values()) decoder[String(id)] = token;
  return { ...settings, added_tokens_decoder: decoder };
}
