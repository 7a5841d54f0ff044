import {
  DecodingSession,
  type FeedOptions,
  type ForwardOptions,
  type ForwardResult,
  generate,
  type GenerateOptions,
  type Generation,
  type LanguageModel,
  lastPosition,
  type RowSight,
} from '@subtext/model';
import { scatterRows, tf } from '@subtext/tensor';

import type { FeedbackMap } from '../feedback/feedback-map';
import { ThoughtCache, type ThoughtReplacement } from './thought-cache';

/**
 * What a row is fed next: a token by its id, a vector `[width]` in an embedding's place, its own last hidden state
 * (`'state'`, Coconut's feedback, which never leaves the engine; through the session's map where it has one), or null: it
 * waits while others go on.
 */
export type SessionInput = number | Float32Array | 'state' | null;

/** What is known when the next input is decided. */
export interface SessionState {
  /** How many inputs were decided before. */
  step: number;
  /** Of each row's last position, after the final norm: `[rows, 1, width]`. The session's own. */
  hidden: tf.Tensor3D;
  /** Of the next token, `[rows, vocabulary]`. The caller frees them. */
  logits(): tf.Tensor2D;
}

/** Decides what comes next, an input for each row; all null ends the run. */
export type NextInput = (state: SessionState) => readonly SessionInput[] | Promise<readonly SessionInput[]>;

export interface SessionOptions {
  model: LanguageModel;
  /** Rows side by side. */
  batch: number;
  /** The most positions, padding included. */
  capacity: number;
  /** Further inputs of every pass, such as the image states of a cross-attention. @default none */
  forwardExtras?: Partial<ForwardOptions>;
  /** Positions of the first feed whose states are read or replaced. @default none */
  thoughts?: ThoughtReplacement;
  /** By row, columns that hold a position, padding counted, but that nothing sees: thoughts that are cut. @default none */
  hidden?: readonly (readonly number[])[];
  /** What a state goes through before it is fed back. The session does not free it. @default nothing */
  feedback?: FeedbackMap;
  /** By row, which positions attend to which; the session's own from then on. @default causal: each position to all before it */
  sights?: readonly RowSight[];
}

/**
 * A model run step by step: `feed` what is given (a prompt), `run` inputs that are decided one by one from the states
 * before them (thoughts), `write` tokens. Every position is computed once. What a session does is what its `nextInput`
 * says: feeding states back is Coconut, another vector edits or steers a thought, a mean of embeddings is soft thinking.
 *
 * ```ts
 * const session = new Session({ model, batch: 1, capacity: 64 });
 * const from = session.feed({ embeddings: model.embed(promptIds) });
 * const { states } = await session.run({ from, nextInput: ({ step }) => [step < 3 ? 'state' : null] });
 * const { ids } = await session.write({ inputs: [[endOfThinking]], maxNewTokens: 8 });
 * ```
 */
export class Session {
  readonly model: LanguageModel;
  readonly #decoding: DecodingSession;
  readonly #cache?: ThoughtCache;
  readonly #feedback?: FeedbackMap;

  constructor({ model, batch, capacity, forwardExtras, thoughts, hidden, feedback, sights }: SessionOptions) {
    this.model = model;
    this.#feedback = feedback;
    this.#cache = thoughts && new ThoughtCache({ model, batch, capacity, ...thoughts });
    this.#decoding = new DecodingSession({
      model,
      batch,
      capacity,
      forwardExtras,
      cache: this.#cache,
      hidden,
      sights,
    });
  }

  /** Runs positions that are given. `[rows, outputPositions, width]`, after the final norm; the caller frees it. */
  feed(options: FeedOptions): tf.Tensor3D {
    return tf.tidy(() => this.#decoding.feed(options).hidden);
  }

  /** As {@link feed}, with every layer's states and attention where `options` ask for them. The caller frees them all. */
  observe(options: FeedOptions): ForwardResult {
    return this.#decoding.feed(options);
  }

  /**
   * Feeds one input after another, as `nextInput` decides, until no row takes any.
   *
   * @returns for each step what the rows were fed; and the states: of `from`'s last position and after each step,
   * `[rows, 1, width]` each, without meaning where a row waited. The caller frees them.
   */
  async run({
    from,
    nextInput,
    signal,
  }: {
    /** What the last feed gave. Not freed. */
    from: tf.Tensor3D;
    nextInput: NextInput;
    signal?: AbortSignal;
  }): Promise<{ inputs: (readonly SessionInput[])[]; states: tf.Tensor3D[] }> {
    const inputs: (readonly SessionInput[])[] = [];
    const states = [tf.tidy(() => lastPosition(from).clone())];
    try {
      for (let step = 0; ; step++) {
        signal?.throwIfAborted();
        const hidden = states.at(-1)!;
        const next = await nextInput({ step, hidden, logits: () => this.#decoding.logits(hidden) });
        if (next.every((input) => input === null)) return { inputs, states };
        inputs.push(next);
        const waiting = next.includes(null);
        states.push(
          tf.tidy(() =>
            this.feed({
              embeddings: inputVectors({ model: this.model, inputs: next, states: this.#fedBack(hidden, next) }),
              mask: waiting ? next.map((input) => [input === null ? 0 : 1]) : null,
            }),
          ),
        );
      }
    } catch (error) {
      tf.dispose(states);
      throw error;
    }
  }

  /** Writes tokens on from here: `inputs` follow what was fed. Uses the session up. */
  write(options: Omit<GenerateOptions, 'model' | 'session'>): Promise<Generation> {
    return generate({ ...options, model: this.model, session: this.#decoding });
  }

  /** By place of `thoughts`: its state, as it can replace another. */
  captured(): Promise<Float32Array[]> {
    return this.#cache?.captured() ?? Promise.resolve([]);
  }

  /** Frees what it holds. */
  dispose(): void {
    this.#decoding.dispose();
  }

  #fedBack(states: tf.Tensor3D, inputs: readonly SessionInput[]): tf.Tensor3D {
    return this.#feedback !== undefined && inputs.includes('state') ? this.#feedback.apply(states) : states;
  }
}

/** Inputs as vectors `[rows, 1, width]`; a row that waits holds its state, which nothing sees. */
export function inputVectors({
  model,
  inputs,
  states,
}: {
  model: LanguageModel;
  inputs: readonly SessionInput[];
  /** `[rows, 1, width]` */ states: tf.Tensor3D;
}): tf.Tensor3D {
  const tokens = inputs.flatMap((input, row) => (typeof input === 'number' ? [{ row, id: input }] : []));
  const vectors = inputs.flatMap((input, row) => (input instanceof Float32Array ? [{ row, input }] : []));
  if (tokens.length + vectors.length === 0) return states;
  return tf.tidy(() => {
    const [rows, , width] = states.shape;
    let placed = tf.reshape(states, [rows, width]) as tf.Tensor2D;
    const place = (at: readonly { row: number }[], updates: tf.Tensor2D) =>
      scatterRows({ input: placed, indices: at.map(({ row }) => row), updates });
    if (tokens.length > 0) {
      const ids = tf.tensor2d(
        tokens.map(({ id }) => [id]),
        undefined,
        'int32',
      );
      placed = place(tokens, tf.reshape(model.embed(ids), [tokens.length, width]) as tf.Tensor2D);
    }
    if (vectors.length > 0) {
      const rowsOfVectors = tf.stack(vectors.map(({ input }) => tf.tensor1d(input))) as tf.Tensor2D;
      placed = place(vectors, rowsOfVectors);
    }
    return tf.reshape(placed, states.shape);
  });
}
