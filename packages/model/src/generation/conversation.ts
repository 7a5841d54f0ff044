import type { LanguageModel } from '../language-model';
import { DecodingSession } from './decoding-session';
import { generate } from './generate';
import type { GenerateOptions, Generation } from './generate-options';

export interface ConversationOptions {
  model: LanguageModel;
  /** The most positions that it holds; memory is taken as they come. Default the model's. */
  capacity?: number;
}

export interface ContinueOptions extends Omit<GenerateOptions, 'model' | 'inputs' | 'session' | 'draft' | 'embedNext'> {
  /** The whole text so far, as ids: earlier turns, what the model answered to them, and the new turn. */
  ids: readonly number[] | Int32Array;
}

/** What one turn gave: see {@link Generation}, of its one row. */
export interface Turn extends Generation {
  /** How many of the ids were not computed again. */
  reused: number;
}

/**
 * A text that is continued again and again, such as a conversation: keys and values of what was computed are kept between
 * turns. Each turn is given the whole text; as far as it begins as the last one ended, nothing is computed again, whatever
 * a template puts in between or an earlier turn is changed to. The tokens are those that `generate` gives for the text, up
 * to the rounding of passes of other lengths.
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
  /** What the session holds, position by position. */
  #held: number[] = [];

  constructor({ model, capacity = model.dimensions.maxPositions }: ConversationOptions) {
    this.model = model;
    this.#session = new DecodingSession({ model, batch: 1, capacity });
  }

  /** How many positions are held. */
  get length(): number {
    return this.#held.length;
  }

  /**
   * Continues a text.
   *
   * @throws ModelError as `generate`; what is held then is what is sure
   */
  async continue({ ids, ...options }: ContinueOptions): Promise<Turn> {
    let reused = 0;
    // The last position is always computed: from it the next token is predicted.
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
      // What an error has left of the new positions is not known: the old ones stay.
      this.#session.keepFirst(Math.min(reused, this.#session.length));
      throw error;
    }
  }

  /** Frees what is held. */
  dispose(): void {
    this.#session.dispose();
    this.#held = [];
  }
}
