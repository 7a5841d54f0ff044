import type { Normalizer } from './normalizers';
import { TokenizerError } from './tokenizer-error';
import type { TokenizerFile } from './tokenizer-file';
import type { WordModel } from './word-models';

/** Tokens and their ids: those of the word model, and the added ones over them. */
export class TokenTable {
  /** Number of ids: one more than the highest. */
  readonly size: number;
  /** Ids of special tokens. */
  readonly specialIds: ReadonlySet<number>;
  readonly #idByToken: ReadonlyMap<string, number>;
  /** By id; a map, for ids may lie far apart. */
  readonly #tokenById: ReadonlyMap<number, string>;
  /** What added tokens decode to that are, or in another of the folder's files were, looked for in normalised text. By id. */
  readonly #normalizedById: ReadonlyMap<number, string>;

  constructor({
    model,
    added,
    normalizer,
    decodedNormalized,
  }: {
    model: WordModel;
    /** Added tokens. */
    added: TokenizerFile['added_tokens'];
    normalizer: Normalizer | undefined;
    /** Added tokens that decode to their normalised text, beside those that are looked for in normalised text. */
    decodedNormalized: ReadonlySet<string> | undefined;
  }) {
    const idByToken = new Map(model.vocabulary);
    for (const { content, id } of added) idByToken.set(content, id);
    const tokenById = new Map<number, string>();
    model.tokens?.forEach((token, id) => tokenById.set(id, token));
    for (const [token, id] of idByToken) tokenById.set(id, token);
    for (const { content, id } of added) tokenById.set(id, content);
    let size = 0;
    for (const id of tokenById.keys()) size = Math.max(size, id + 1);
    // As the reference: they decode to the normalised text, and are special if that is the text of a special token.
    const normalizedById = new Map<number, string>();
    if (normalizer !== undefined)
      for (const { id, content, normalized } of added)
        if (normalized || decodedNormalized?.has(content) === true) normalizedById.set(id, normalizer(content));
    const special = new Set(added.filter((token) => token.special).map(({ content }) => content));
    const specialIds = new Set<number>();
    for (const [id, token] of tokenById) if (special.has(normalizedById.get(id) ?? token)) specialIds.add(id);
    this.size = size;
    this.specialIds = specialIds;
    this.#idByToken = idByToken;
    this.#tokenById = tokenById;
    this.#normalizedById = normalizedById;
  }

  /** The id of a token, if it has one. */
  idIfAny(token: string): number | undefined {
    return this.#idByToken.get(token);
  }

  /** The id of a token. @throws TokenizerError `unknown-token` */
  idOf(token: string): number {
    const id = this.#idByToken.get(token);
    if (id === undefined) {
      throw new TokenizerError({
        code: 'unknown-token',
        message: `the vocabulary has no token ${JSON.stringify(token)}; add it with addTokens`,
      });
    }
    return id;
  }

  /** The token of an id, as the vocabulary writes it. @throws TokenizerError `unknown-token` */
  tokenOf(id: number): string {
    const token = this.#tokenById.get(id);
    if (token === undefined) {
      throw new TokenizerError({
        code: 'unknown-token',
        message: `the vocabulary has no id ${id}; ids go from 0 to ${this.size - 1}`,
      });
    }
    return token;
  }

  /**
   * What an id that a model may give decodes to; models have rows for more ids than vocabularies have tokens.
   *
   * @throws TokenizerError `unknown-token` for what is no id
   */
  decodedToken(id: number): string | undefined {
    return Number.isSafeInteger(id) && id >= 0
      ? (this.#normalizedById.get(id) ?? this.#tokenById.get(id))
      : this.tokenOf(id);
  }
}
