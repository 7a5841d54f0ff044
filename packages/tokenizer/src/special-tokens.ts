import { TokenizerError } from './tokenizer-error';
import {
  checkId,
  isObject,
  settingText,
  type AddedToken,
  type TokenizerFile,
  type TokenizerSettings,
} from './tokenizer-file';

/** Named special tokens in settings. */
const attributes = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;

type Token = Omit<AddedToken, 'id'>;

/**
 * Resolves added tokens and settings from a folder's four files like transformers: the list of added tokens in
 * tokenizer_config.json, or without it special_tokens_map.json (which then takes precedence) and added_tokens.json; finally
 * tokens that settings name but no file lists. Tokens missing from the vocabulary get the next free ids.
 *
 * @throws TokenizerError `invalid-file`
 */
export function resolveSpecialTokens(options: {
  file: TokenizerFile;
  settings: TokenizerSettings;
  specialTokensMap?: Record<string, unknown> | undefined;
  addedTokens?: Record<string, unknown> | undefined;
}): { file: TokenizerFile; settings: TokenizerSettings; decodedNormalized: ReadonlySet<string> } {
  const { file } = options;
  const settings: TokenizerSettings = { ...options.settings };
  renameAdditional(settings);
  const wrong = (message: string): TokenizerError => new TokenizerError({ code: 'invalid-file', message });

  // Added tokens listed in the settings, by id.
  const listed = new Map<number, Token>();
  const decoder: unknown = settings.added_tokens_decoder;
  if (decoder !== undefined && decoder !== null) {
    if (!isObject(decoder)) throw wrong('tokenizer_config.json: "added_tokens_decoder" is not an object');
    for (const [id, token] of Object.entries(decoder)) {
      listed.set(
        checkId(/^\d{1,16}$/.test(id) ? Number(id) : id, 'tokenizer_config.json: an added token'),
        completed(token, `tokenizer_config.json: added token ${id}`, false),
      );
    }
  } else {
    for (const [name, value] of Object.entries(options.specialTokensMap ?? {})) {
      if (name === 'extra_special_tokens' && Array.isArray(value)) {
        const existing = Array.isArray(settings['extra_special_tokens']) ? settings['extra_special_tokens'] : [];
        const contents = new Set(existing.map((token) => settingText(token as never)));
        settings['extra_special_tokens'] = [
          ...existing,
          ...value.filter((token) => !contents.has(settingText(token as never))),
        ];
      } else settings[name] = isObject(value) && name !== 'extra_special_tokens' ? { ...value, special: true } : value;
    }
    const special = new Set(attributes.map((name) => settingText(settings[name] as never)));
    if (Array.isArray(settings['extra_special_tokens']))
      for (const token of settings['extra_special_tokens']) special.add(settingText(token as never));
    for (const [content, id] of Object.entries(options.addedTokens ?? {})) {
      const isSpecial = special.has(content);
      listed.set(checkId(id, `added_tokens.json: the token ${JSON.stringify(content)}`), {
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: !isSpecial,
        special: isSpecial,
      });
    }
    for (const { id, ...token } of file.added_tokens) listed.set(id, token);
    const extra = settings['extra_special_tokens'];
    if (settings['additional_special_tokens'] !== undefined && (extra === undefined || extra === null))
      renameAdditional(settings);
  }
  const byContent = new Map([...listed.values()].map((token) => [token.content, token]));

  // The seven standard special tokens, and others with a name.
  const named: Token[] = [];
  for (const [name, value] of Object.entries(namedTokens(settings))) {
    const text = settingText(value as never);
    if (text === undefined)
      throw wrong(`tokenizer_config.json: "${name}" is neither a text nor an object with a "content"`);
    const own = byContent.get(text);
    // Named tokens are special, even if not listed as such.
    if (own !== undefined) own.special = true;
    named.push(own ?? completed(value, `tokenizer_config.json: "${name}"`, true));
  }

  // Add listed tokens that are missing or differ in tokenizer.json, then tokens that are only named.
  const sameAs = new Set(file.added_tokens.map((token) => key(token)));
  const wanted = [...listed]
    .sort(([first], [second]) => first - second)
    .map(([, token]) => token)
    .filter((token) => !sameAs.has(key(token)));
  const known = new Set([...file.added_tokens.map(({ content }) => content), ...wanted.map(({ content }) => content)]);
  for (const token of [...named, ...extraTokens(settings)]) if (!known.has(token.content)) wanted.push(token);
  // The last version of a token counts, but it decodes to its normalised text if any version was normalised.
  const decodedNormalized = new Set(
    [...file.added_tokens, ...wanted].filter(({ normalized }) => normalized).map(({ content }) => content),
  );
  return { file: withTokens(file, wanted), settings, decodedNormalized };
}

/** The older name of `extra_special_tokens`. */
function renameAdditional(settings: Record<string, unknown>): void {
  if (!Object.hasOwn(settings, 'additional_special_tokens')) return;
  const extra = settings['extra_special_tokens'];
  // An object of named tokens does not replace the older list.
  const isEmpty =
    extra === undefined ||
    extra === null ||
    (Array.isArray(extra) && extra.length === 0) ||
    (isObject(extra) && Object.keys(extra).length === 0);
  if (!isEmpty) return;
  settings['extra_special_tokens'] = settings['additional_special_tokens'];
  delete settings['additional_special_tokens'];
}

/** Named tokens: the seven standard ones, others called `…_token`, and those in an object of extra tokens. */
function namedTokens(settings: TokenizerSettings): Record<string, unknown> {
  const named: [string, unknown][] = [];
  for (const name of attributes)
    if (settings[name] !== undefined && settings[name] !== null) named.push([name, settings[name]]);
  for (const [name, value] of Object.entries(settings)) {
    if (
      name.endsWith('_token') &&
      !(attributes as readonly string[]).includes(name) &&
      (typeof value === 'string' || (isObject(value) && value['__type'] === 'AddedToken'))
    )
      named.push([name, value]);
  }
  const extra = settings['extra_special_tokens'];
  if (isObject(extra)) named.push(...Object.entries(extra));
  return Object.fromEntries(named);
}

/** Special tokens without a name. */
function extraTokens(settings: TokenizerSettings): Token[] {
  const extra = settings['extra_special_tokens'];
  if (extra === undefined || extra === null) return [];
  if (!Array.isArray(extra) && !isObject(extra))
    throw new TokenizerError({
      code: 'invalid-file',
      message: 'tokenizer_config.json: "extra_special_tokens" is neither a list nor an object',
    });
  // An object of named tokens does not replace the older list.
  const older = settings['additional_special_tokens'];
  const list: unknown[] = Array.isArray(extra) ? extra : Array.isArray(older) ? older : [];
  return list.map((value) => completed(value, 'tokenizer_config.json: an extra special token', true));
}

/** Fills in a token's missing fields with the defaults of AddedToken in tokenizers. */
function completed(value: unknown, label: string, special: boolean): Token {
  const wrong = (): TokenizerError =>
    new TokenizerError({ code: 'invalid-file', message: `${label} is neither a text nor an object with a "content"` });
  if (typeof value === 'string')
    return { content: value, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
  if (!isObject(value) || typeof value['content'] !== 'string') throw wrong();
  const flag = (name: string): boolean => {
    const found = Object.hasOwn(value, name) ? value[name] : undefined;
    if (found !== undefined && found !== null && typeof found !== 'boolean')
      throw new TokenizerError({ code: 'invalid-file', message: `${label}: "${name}" is not true or false` });
    return found === true;
  };
  const isSpecial = special || flag('special');
  return {
    content: value['content'],
    single_word: flag('single_word'),
    lstrip: flag('lstrip'),
    rstrip: flag('rstrip'),
    normalized: Object.hasOwn(value, 'normalized') && value['normalized'] !== null ? flag('normalized') : !isSpecial,
    special: isSpecial,
  };
}

function key({ content, single_word, lstrip, rstrip, normalized, special }: Token): string {
  return JSON.stringify([content, single_word, lstrip, rstrip, normalized, special]);
}

/** Adds tokens to tokenizer.json by the rules of Rust's tokenizers. */
function withTokens(file: TokenizerFile, tokens: readonly Token[]): TokenizerFile {
  if (tokens.length === 0) return file;
  const vocabulary: ReadonlyMap<string, unknown> = Array.isArray(file.model.vocab)
    ? new Map(file.model.vocab.map(([token], id) => [token, id]))
    : new Map(Object.entries(file.model.vocab));
  const size = Array.isArray(file.model.vocab) ? file.model.vocab.length : vocabulary.size;
  const added = new Map(file.added_tokens.map((token) => [token.content, token]));
  const special = new Set(file.added_tokens.filter((token) => token.special).map(({ content }) => content));
  let highest = -1;
  for (const { id } of added.values()) highest = Math.max(highest, id);
  for (const token of tokens) {
    if (token.content === '') continue;
    if (token.special) special.add(token.content);
    const own = added.get(token.content)?.id ?? (vocabulary.get(token.content) as number | undefined);
    const id = own ?? Math.max(highest + 1, size);
    highest = Math.max(highest, id);
    added.set(token.content, { ...token, id });
  }
  return {
    ...file,
    added_tokens: [...added.values()]
      .map((token) => ({ ...token, special: special.has(token.content) }))
      .sort((first, second) => first.id - second.id),
  };
}
