import { AddedTokenSplitter } from './added-token-splitter';
import { renderChatTemplate, type ChatMessage, type ChatTemplates } from './chat-template';
import { cleanUpSpaces, createDecoder, type Decoder } from './decoders';
import { createNormalizer, type Normalizer } from './normalizers';
import { surroundings, type Surroundings } from './post-processors';
import { createPreTokenizer, type PreTokenizer } from './pre-tokenizers';
import { addTokensToFile, type NewToken } from './new-tokens';
import { saveTokenizer } from './save';
import { byteLevelStream, windowedStream, type TokenStream } from './token-stream';
import { TokenizerError } from './tokenizer-error';
import { byteSpans, streamSpans } from './token-spans';
import { TokenTable } from './token-table';
import { settingText, type AddedToken, type TokenizerFile, type TokenizerSettings } from './tokenizer-file';
import { createWordModel, type WordModel } from './word-models';

/** Words whose ids are remembered, so that a word that comes again costs one look-up. */
const cachedWords = 50_000;
/** Longer words come again too seldom to be remembered. */
const cachedWordLength = 64;

/** A text as ids. */
export interface Encoding {
  ids: number[];
  /**
   * Where each token lies in the text, as `[start, end)` in UTF-16 units; `[0, 0]` for tokens put around the text.
   * Only if asked for, and only where the tokens' texts are exactly the text (see `Tokenizer.encode`).
   */
  offsets?: [number, number][];
}

/** The files of a tokenizer, as objects. */
export interface TokenizerFiles {
  /** tokenizer.json. */
  file: TokenizerFile;
  /** tokenizer_config.json, with what special_tokens_map.json adds. */
  settings: TokenizerSettings;
  /** Chat templates by name; the one without a name of its own is `default`. */
  chatTemplates: ChatTemplates;
  /** Added tokens that decode to their normalised text, beside those that are looked for in normalised text. @default none */
  decodedNormalized?: ReadonlySet<string>;
}

/**
 * Text to ids and back, from the files of a Hugging Face folder. Make one with `loadTokenizer` or
 * `trainWordLevelTokenizer`.
 */
export class Tokenizer {
  #files: TokenizerFiles;
  readonly #normalizer: Normalizer | undefined;
  readonly #preTokenizer: PreTokenizer | undefined;
  readonly #decoder: Decoder;
  #model!: WordModel;
  #around!: Surroundings;
  #addedSplitter!: AddedTokenSplitter;
  #plainSplitter!: AddedTokenSplitter;
  #normalizedSplitter!: AddedTokenSplitter;
  #table!: TokenTable;
  readonly #wordCache = new Map<string, readonly number[]>();

  #changes = 0;

  /** @throws TokenizerError `invalid-file`, `unsupported-component` */
  constructor(files: TokenizerFiles) {
    this.#files = files;
    const { file } = this.#files;
    this.#normalizer = createNormalizer(file.normalizer);
    this.#preTokenizer = createPreTokenizer(file.pre_tokenizer);
    this.#decoder = createDecoder(file.decoder);
    this.#index(createWordModel(file.model));
  }

  /** How often tokens were added: what was encoded before holds as long as this stays. */
  get changes(): number {
    return this.#changes;
  }

  /** Number of ids: one more than the highest, which is how many rows an embedding needs at least. */
  get vocabularySize(): number {
    return this.#table.size;
  }

  /** The token that begins a text, where there is one. */
  get beginId(): number | undefined {
    return this.#settingId('bos_token');
  }

  /** The token that ends a text, where there is one. */
  get endId(): number | undefined {
    return this.#settingId('eos_token');
  }

  /** The token that fills rows up, where there is one. */
  get paddingId(): number | undefined {
    return this.#settingId('pad_token');
  }

  /** The token that stands for unknown words, where there is one. */
  get unknownId(): number | undefined {
    return this.#settingId('unk_token');
  }

  /** Ids that `skipSpecialTokens` leaves out. */
  get specialTokenIds(): ReadonlySet<number> {
    return this.#table.specialIds;
  }

  /** The longest text that the model takes, in tokens, where the settings say so. */
  get maximumLength(): number | undefined {
    const length = this.#files.settings.model_max_length;
    // transformers writes 10³⁰ for "unknown".
    return typeof length === 'number' && length < 1e15 ? length : undefined;
  }

  /**
   * The ids of a text.
   *
   * @param options.addSpecialTokens put the tokens around the text that the model expects, such as the begin token. @default true
   * @param options.parseSpecialTokens find added tokens in the text; false for text that must not contain them, such as
   *   a user's. @default true
   * @param options.offsets also say where each token lies. The library does not track places; they are found by decoding
   *   token by token, and are left out where that does not give back exactly the text (a normalizer changed it). A token
   *   that is part of a character has the whole character's place. @default false
   * @throws TokenizerError `unknown-word` where a word is unknown and there is no token for such words
   */
  encode(
    text: string,
    options: { addSpecialTokens?: boolean; parseSpecialTokens?: boolean; offsets?: boolean } = {},
  ): Encoding {
    const { addSpecialTokens = true, parseSpecialTokens = true, offsets = false } = options;
    if (typeof text !== 'string') {
      throw new TokenizerError({
        code: 'invalid-option',
        message: `encode takes a text, not ${text === null ? 'null' : typeof text}`,
      });
    }
    const ids: number[] = addSpecialTokens ? [...this.#around.before] : [];
    this.#encodeInto(ids, text, parseSpecialTokens);
    const end = ids.length;
    if (addSpecialTokens) ids.push(...this.#around.after);
    if (!offsets) return { ids };
    const start = addSpecialTokens ? this.#around.before.length : 0;
    const spans = this.#spans(ids.slice(start, end), text);
    if (spans === undefined) return { ids };
    const none = (): [number, number] => [0, 0];
    return {
      ids,
      offsets: [...Array.from({ length: start }, none), ...spans, ...Array.from({ length: ids.length - end }, none)],
    };
  }

  /**
   * The text of ids.
   *
   * @param options.skipSpecialTokens leave special tokens out. @default false
   * @throws TokenizerError `unknown-token` for what is no id. An id without a token, such as one of the rows that models
   *   pad their embedding with, stands for no text
   */
  decode(ids: Iterable<number>, options: { skipSpecialTokens?: boolean } = {}): string {
    const text = this.#decodeTokens(this.#tokensOf(ids, options.skipSpecialTokens ?? false));
    const cleans = this.#files.settings.clean_up_tokenization_spaces === true && this.#files.file.model.type !== 'BPE';
    return cleans ? cleanUpSpaces(text) : text;
  }

  /** Decodes ids one by one, for text shown while it is generated. Options as for `decode`. */
  decodeStream(options: { skipSpecialTokens?: boolean } = {}): TokenStream {
    const skip = options.skipSpecialTokens ?? false;
    const tokenOf = (id: number): string | undefined =>
      skip && this.#table.specialIds.has(id) ? undefined : this.#table.decodedToken(id);
    if (this.#decodesBytes) return byteLevelStream(tokenOf);
    const stream = windowedStream({ tokenOf, decode: (ids) => this.#decodeTokens(this.#tokensOf(ids, false)) });
    return { push: (id) => (tokenOf(id) === undefined ? '' : stream.push(id)), finish: () => stream.finish() };
  }

  /** Whether the vocabulary has the token. */
  has(token: string): boolean {
    return this.#table.idIfAny(token) !== undefined;
  }

  /** The id of a token. @throws TokenizerError `unknown-token` */
  idOf(token: string): number {
    return this.#table.idOf(token);
  }

  /** The token of an id, as the vocabulary writes it. @throws TokenizerError `unknown-token` */
  tokenOf(id: number): string {
    return this.#table.tokenOf(id);
  }

  /**
   * Adds tokens. One that is there already keeps its id. Reserved slots of the vocabulary (Llama 3's
   * `<|reserved_special_token_0|>`, Gemma's `<unused0>`, BERT's `[unused1]`) are taken first, in the order of their ids,
   * so that the embedding need not grow; the rest get new ids at the end.
   *
   * @param tokens texts, or texts with settings. A text alone is a special token, found as it stands
   * @param options.useReservedSlots @default true
   * @returns the tokens' ids, in order
   * @throws TokenizerError `invalid-token` for an empty text or one given twice
   */
  addTokens(tokens: readonly (string | NewToken)[], options: { useReservedSlots?: boolean } = {}): number[] {
    const { file, settings, ids } = addTokensToFile({
      file: this.#files.file,
      settings: this.#files.settings,
      tokens,
      vocabularySize: this.vocabularySize,
      useReservedSlots: options.useReservedSlots ?? true,
    });
    const model = file.model === this.#files.file.model ? this.#model : createWordModel(file.model);
    this.#files = { ...this.#files, file, settings };
    this.#index(model);
    this.#changes += 1;
    return ids;
  }

  /**
   * Names of the model's chat templates; empty where it has none.
   */
  get chatTemplateNames(): string[] {
    return Object.keys(this.#files.chatTemplates);
  }

  /**
   * The text of a conversation, as the model's chat template writes it. Encode it with `addSpecialTokens: false`: the
   * template has them.
   *
   * @param messages role and content of each message
   * @param options.addGenerationPrompt end with what precedes the model's answer. @default true
   * @param options.template name of the template. @default 'default'
   * @param options.variables what else the template reads: tools, documents, dates, switches. Default: none
   * @throws TokenizerError `missing-chat-template`, `chat-template-failed`
   */
  applyChatTemplate(
    messages: readonly ChatMessage[],
    options: { addGenerationPrompt?: boolean; template?: string; variables?: Record<string, unknown> } = {},
  ): string {
    const { settings, chatTemplates } = this.#files;
    const tokens: Record<string, string> = {};
    for (const name of ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token']) {
      const text = settingText(settings[name] as never);
      if (text !== undefined) tokens[name] = text;
    }
    return renderChatTemplate({
      templates: chatTemplates,
      name: options.template ?? 'default',
      variables: {
        tools: null,
        documents: null,
        ...tokens,
        messages,
        add_generation_prompt: options.addGenerationPrompt ?? true,
        ...options.variables,
      },
    });
  }

  /**
   * Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json and the chat template into a folder, made if
   * need be, for this package and for transformers. Each file appears whole or not at all.
   *
   * @throws TokenizerError `input-output`
   */
  async save({ folder }: { folder: string }): Promise<void> {
    await saveTokenizer({ folder, files: this.#files });
  }

  #encodeInto(ids: number[], text: string, parseSpecialTokens: boolean): void {
    const splitter = parseSpecialTokens ? this.#addedSplitter : this.#plainSplitter;
    for (const piece of splitter.split(text)) {
      if (piece.token !== undefined) {
        ids.push(piece.token.id);
        continue;
      }
      const normalized = this.#normalizer === undefined ? piece.text : this.#normalizer(piece.text);
      const inner = parseSpecialTokens
        ? this.#normalizedSplitter.split(normalized)
        : [{ text: normalized, token: undefined, start: 0 }];
      for (const { text: plain, token, start } of inner) {
        if (token !== undefined) ids.push(token.id);
        else if (plain.length > 0)
          this.#encodePlain(ids, plain, piece.start === 0 && start === 0 && this.#keepsFirstCharacter(piece.text));
      }
    }
  }

  /** A text whose first character the normalizer removes does not start at its start, as the reference counts. */
  #keepsFirstCharacter(text: string): boolean {
    if (this.#normalizer === undefined) return true;
    return this.#normalizer(`${String.fromCodePoint(text.codePointAt(0)!)}x`) !== this.#normalizer('x');
  }

  #encodePlain(ids: number[], text: string, atStart: boolean): void {
    const words = this.#preTokenizer === undefined ? [text] : this.#preTokenizer([text], atStart);
    for (const word of words) {
      let wordIds = this.#wordCache.get(word);
      if (wordIds === undefined) {
        if (word.length === 0) continue;
        wordIds = this.#model.encodeWord(word);
        if (word.length <= cachedWordLength) {
          if (this.#wordCache.size >= cachedWords) this.#wordCache.clear();
          this.#wordCache.set(word, wordIds);
        }
      }
      for (const id of wordIds) ids.push(id);
    }
  }

  #tokensOf(ids: Iterable<number>, skipSpecialTokens: boolean): string[] {
    const tokens: string[] = [];
    for (const id of ids) {
      if (skipSpecialTokens && this.#table.specialIds.has(id)) continue;
      const token = this.#table.decodedToken(id);
      if (token !== undefined) tokens.push(token);
    }
    return tokens;
  }

  #decodeTokens(tokens: readonly string[]): string {
    return tokens.length === 0 ? '' : this.#decoder(tokens).join('');
  }

  #spans(ids: readonly number[], text: string): [number, number][] | undefined {
    if (this.#decodesBytes) return byteSpans({ tokens: ids.map((id) => this.tokenOf(id)), text });
    return streamSpans({ ids, stream: this.decodeStream(), text });
  }

  /** Whether tokens are bytes, so that a token may be part of a character. */
  get #decodesBytes(): boolean {
    return this.#files.file.decoder?.type === 'ByteLevel';
  }

  #settingId(name: 'bos_token' | 'eos_token' | 'pad_token' | 'unk_token'): number | undefined {
    const text = settingText(this.#files.settings[name]);
    return text === undefined ? undefined : this.#table.idIfAny(text);
  }

  /** Everything that follows from the files' tokens. */
  #index(model: WordModel): void {
    const { file, settings, decodedNormalized } = this.#files;
    const normalizer = this.#normalizer;
    this.#model = model;
    this.#wordCache.clear();
    this.#table = new TokenTable({ model, added: file.added_tokens, normalizer, decodedNormalized });
    // With split_special_tokens special tokens in a text are text.
    const found =
      settings.split_special_tokens === true ? file.added_tokens.filter((token) => !token.special) : file.added_tokens;
    const isNormalized = (token: AddedToken): boolean => token.normalized && normalizer !== undefined;
    const asItStands = found.filter((token) => !isNormalized(token)).map((token) => ({ text: token.content, token }));
    this.#addedSplitter = new AddedTokenSplitter(asItStands);
    this.#plainSplitter = new AddedTokenSplitter([]);
    this.#normalizedSplitter = new AddedTokenSplitter(
      found.filter(isNormalized).map((token) => ({ text: normalizer!(token.content), token })),
    );
    this.#around = surroundings(file.post_processor, (token) => this.idOf(token));
  }
}
