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

/** Size of the cache of encoded words. */
const cachedWords = 50_000;
/** Longer words recur too rarely to be cached. */
const cachedWordLength = 64;

/** An encoded text. */
export interface Encoding {
  ids: number[];
  /**
   * Span of each token in the text, as `[start, end)` in UTF-16 units; `[0, 0]` for tokens added around the text. Only if
   * requested, and only if the tokens decode exactly to the text (see `Tokenizer.encode`).
   */
  offsets?: [number, number][];
}

/** The parsed files of a tokenizer. */
export interface TokenizerFiles {
  /** tokenizer.json. */
  file: TokenizerFile;
  /** tokenizer_config.json, merged with special_tokens_map.json. */
  settings: TokenizerSettings;
  /** Chat templates by name; an unnamed one is `default`. */
  chatTemplates: ChatTemplates;
  /** Added tokens that decode to their normalised text, in addition to those that match normalised text. @default none */
  decodedNormalized?: ReadonlySet<string>;
}

/**
 * Encodes text to ids and decodes ids to text, from the files of a Hugging Face folder. Create one with `loadTokenizer` or
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

  /** Number of times tokens were added: earlier encodings are valid as long as this is unchanged. */
  get changes(): number {
    return this.#changes;
  }

  /** Number of ids: the highest plus one, which is the minimum number of embedding rows. */
  get vocabularySize(): number {
    return this.#table.size;
  }

  /** Id of the begin-of-sequence token (BOS), if any. */
  get beginId(): number | undefined {
    return this.#settingId('bos_token');
  }

  /** Id of the end-of-sequence token (EOS), if any. */
  get endId(): number | undefined {
    return this.#settingId('eos_token');
  }

  /** Id of the padding token, if any. */
  get paddingId(): number | undefined {
    return this.#settingId('pad_token');
  }

  /** Id of the unknown token, if any. */
  get unknownId(): number | undefined {
    return this.#settingId('unk_token');
  }

  /** Ids that `skipSpecialTokens` omits. */
  get specialTokenIds(): ReadonlySet<number> {
    return this.#table.specialIds;
  }

  /** Maximum text length of the model in tokens, if the settings specify it. */
  get maximumLength(): number | undefined {
    const length = this.#files.settings.model_max_length;
    // transformers writes 10³⁰ for "unknown".
    return typeof length === 'number' && length < 1e15 ? length : undefined;
  }

  /**
   * Encodes a text to ids.
   *
   * @param options.addSpecialTokens add the special tokens that the model expects around the text, such as BOS. @default true
   * @param options.parseSpecialTokens match added tokens in the text; set to false for text that must not contain them, such
   *   as user input. @default true
   * @param options.offsets also return the span of each token. Spans are found by decoding token by token, and omitted if
   *   that does not reproduce the text exactly (because a normalizer changed it). A token that is part of a character gets
   *   the whole character's span. @default false
   * @throws TokenizerError `unknown-word` if a word is unknown and there is no unknown token
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
   * Decodes ids to text.
   *
   * @param options.skipSpecialTokens omit special tokens. @default false
   * @throws TokenizerError `unknown-token` for an invalid id. An id without a token, such as an embedding row added for
   *   padding, decodes to nothing
   */
  decode(ids: Iterable<number>, options: { skipSpecialTokens?: boolean } = {}): string {
    const text = this.#decodeTokens(this.#tokensOf(ids, options.skipSpecialTokens ?? false));
    const cleans = this.#files.settings.clean_up_tokenization_spaces === true && this.#files.file.model.type !== 'BPE';
    return cleans ? cleanUpSpaces(text) : text;
  }

  /** Decodes ids one by one, for streaming generated text. Options as for `decode`. */
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

  /** The token of an id, as in the vocabulary. @throws TokenizerError `unknown-token` */
  tokenOf(id: number): string {
    return this.#table.tokenOf(id);
  }

  /**
   * Adds tokens. Existing ones keep their ids. Reserved slots of the vocabulary (Llama 3's `<|reserved_special_token_0|>`,
   * Gemma's `<unused0>`, BERT's `[unused1]`) are used first, in order of id, so that the embedding need not be resized; the
   * others get new ids at the end.
   *
   * @param tokens texts, or texts with settings. A plain text becomes a special token, matched literally
   * @param options.useReservedSlots @default true
   * @returns the tokens' ids, in order
   * @throws TokenizerError `invalid-token` for an empty or duplicate text
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

  /** Names of the model's chat templates; empty if there are none. */
  get chatTemplateNames(): string[] {
    return Object.keys(this.#files.chatTemplates);
  }

  /**
   * Formats a conversation with the model's chat template. Encode the result with `addSpecialTokens: false`, since the template
   * already includes special tokens.
   *
   * @param messages role and content of each message
   * @param options.addGenerationPrompt append the prefix of the model's answer. @default true
   * @param options.template name of the template. @default 'default'
   * @param options.variables other variables of the template: tools, documents, dates, flags. Default: none
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
   * Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json and the chat template to a folder, which is created
   * if needed, for this package and for transformers. Each file is written atomically.
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

  /** Whether the normalizer keeps the first character; otherwise the reference does not treat the text as at its start. */
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

  /** Whether tokens are byte-level, so that a token may be part of a character. */
  get #decodesBytes(): boolean {
    return this.#files.file.decoder?.type === 'ByteLevel';
  }

  #settingId(name: 'bos_token' | 'eos_token' | 'pad_token' | 'unk_token'): number | undefined {
    const text = settingText(this.#files.settings[name]);
    return text === undefined ? undefined : this.#table.idIfAny(text);
  }

  /** Builds the tables derived from the files' tokens. */
  #index(model: WordModel): void {
    const { file, settings, decodedNormalized } = this.#files;
    const normalizer = this.#normalizer;
    this.#model = model;
    this.#wordCache.clear();
    this.#table = new TokenTable({ model, added: file.added_tokens, normalizer, decodedNormalized });
    // With split_special_tokens, special tokens in a text are treated as plain text.
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
