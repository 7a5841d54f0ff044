import type { LanguageModel } from '../language-model';
import { DecodingSession } from './decoding-session';
import { generate } from './generate';
import type { GenerateOptions, Generation } from './generate-options';

export interface ConversationOptions {
  model: LanguageModel;
  /** Maximum number of positions; memory grows as needed. Default: the model's maximum. */
  capacity?: number;
}

export interface ContinueOptions extends Omit<GenerateOptions, 'model' | 'inputs' | 'session' | 'draft' | 'embedNext'> {
  /** Ids of the whole text so far: earlier turns with the model's replies, and the new turn. */
  ids: readonly number[] | Int32Array;
}

/** The result of one turn, as in {@link Generation} with one row. */
export interface Turn extends Generation {
  /** Number of ids reused from the cache. */
  reused: number;
}

/**
 * A text that is continued repeatedly, such as a conversation, reusing the KV cache between turns. Pass the whole text
 * each turn: the longest prefix shared with the previous turn is not recomputed, whatever a chat template inserts or an
 * earlier turn is changed to. Tokens are those that `generate` would give for the text, up to rounding from passes of
 * different lengths.
 *
 * ```ts
 * const conversation = new Conversation({ model });
 * let text = tokenizer.encodeChat(messages).ids;
 * const { ids: [answer] } = await conversation.continue({ ids: text, maxNewTokens: 100, stopIds });
 * // …the next turn's text begins with this one's and the answer: only the rest is computed.
 * conversation.dispose();
 * ```
 */
export class Conversation {
  readonly model: LanguageModel;
  readonly #session: DecodingSession;
  /** The cached ids, by position. */
  #held: number[] = [];

  constructor({ model, capacity = model.dimensions.maxPositions }: ConversationOptions) {
    this.model = model;
    this.#session = new DecodingSession({ model, batch: 1, capacity });
  }

  /** Number of cached positions. */
  get length(): number {
    return this.#held.length;
  }

  /**
   * Continues a text.
   *
   * @throws ModelError as `generate` does; the cache then keeps only the positions known to be valid
   */
  async continue({ ids, ...options }: ContinueOptions): Promise<Turn> {
    let reused = 0;
    // Always recompute the last position, which predicts the next token.
    const most = Math.min(this.#held.length, ids.length - 1);
    while (reused < most && this.#held[reused] === ids[reused]) reused++;
    this.#session.keepFirst(Math.max(0, reused));
    this.#held = this.#held.slice(0, reused);
    try {
      const generation = await generate({
        ...options,
        model: this.model,
        inputs: [[...ids].slice(reused)],
        session: this.#session,
        history: [[...ids].slice(0, reused)],
      });
      this.#held = [...ids, ...(generation.ids[0] as number[])].slice(0, this.#session.length);
      return { ...generation, reused };
    } catch (error) {
      // After an error the state of the new positions is unknown: keep only the old ones.
      this.#session.keepFirst(Math.min(reused, this.#session.length));
      throw error;
    }
  }

  /** Frees the cache. */
  dispose(): void {
    this.#session.dispose();
    this.#held = [];
  }
}
