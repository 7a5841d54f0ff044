import type { Tokenizer } from '@subtext/tokenizer';

import type { ReasoningFormat } from '../methods/reasoning-format';
import type { ReasoningMethod } from '../methods/reasoning-method';
import { type Thought, thoughtsAt } from '../session/thought';
import { type Answer, parseAnswer, parseStage } from './answer';
import type { ReasonerSettings } from './reasoner-settings';

/** A response as it was generated. */
export interface WrittenResponse {
  /** Without the places of thoughts that were not taken. */
  prompt: number[];
  /** What was generated, the end included. */
  ids: number[];
  /** By generated token, the state that predicted it; a thought whose state there is none of is left out. */
  states: readonly Float32Array[];
  /** By position, vectors that entered in a token's place, as `writtenInputs` gives them. @default none */
  inputs?: ReadonlyMap<number, Float32Array>;
  finished: boolean;
  /** Thoughts that stand in the prompt. */
  before: readonly Thought[];
  /** How many of them are continuous: each is computed one after the other, as a token is, and counts as one. */
  continuous: number;
  passes: number;
}

/** Reads responses of a reasoner: which of their ids are thoughts, what they say, what they count. */
export class AnswerReader {
  readonly #options: { tokenizer: Tokenizer; settings: ReasonerSettings; format: ReasoningFormat };
  readonly #stageOfThought: ReadonlyMap<number, { stage: string; index: number }>;
  readonly #tagLengths: ReadonlyMap<string, number>;

  constructor({
    tokenizer,
    settings,
    format,
    method,
  }: {
    tokenizer: Tokenizer;
    settings: ReasonerSettings;
    format: ReasoningFormat;
    method: ReasoningMethod;
  }) {
    this.#options = { tokenizer, settings, format };
    this.#stageOfThought = new Map(
      // Thoughts that stand in the prompt are not written: their tokens mean nothing in a response.
      (method.promptThoughts ? [] : settings.stages).flatMap((stage) =>
        method
          .specialTokens({ stages: [stage] })
          .map((token, index) => [tokenizer.idOf(token), { stage, index }] as const),
      ),
    );
    this.#tagLengths = new Map(
      format
        .tags({ stages: settings.stages })
        .map((tag) => [tag, tokenizer.encode(tag, { addSpecialTokens: false }).ids.length]),
    );
  }

  /** Whether an id that was written is a thought. */
  isThought(id: number): boolean {
    return this.#stageOfThought.has(id);
  }

  read({ prompt, ids, states, inputs, finished, before, continuous, passes }: WrittenResponse): Answer {
    const { settings, format, tokenizer } = this.#options;
    const content = finished ? ids.slice(0, -1) : ids;
    const text = tokenizer.decode(content, { skipSpecialTokens: false });
    const written = thoughtsAt({
      places: ids.flatMap((id, position) => {
        const thought = this.#stageOfThought.get(id);
        return thought ? [{ ...thought, position }] : [];
      }),
      // The state that predicted a token is the one before it.
      stateAt: (position) => states[position + 1],
      inputAt: (position) => inputs?.get(position) ?? ids[position]!,
      reading: settings.thoughtReading,
    });
    const thoughts = [...before, ...written];
    const stages = settings.stages.map((name, index) => {
      const count = thoughts.filter(({ stage }) => stage === name).length;
      return { name, thoughts: count, text: count > 0 ? undefined : parseStage({ text, name, index, format }) };
    });
    let tagTokens = 0;
    for (const [tag, length] of this.#tagLengths) tagTokens += (text.split(tag).length - 1) * length;
    return {
      text,
      answer: finished ? parseAnswer({ text, format }) : undefined,
      stages,
      thoughts,
      prompt,
      ids,
      tokens: {
        generated: ids.length + continuous,
        withoutTags: ids.length + continuous - tagTokens,
        thinking: before.length + ids.filter((id) => this.#stageOfThought.has(id)).length,
      },
      passes,
      finished,
    };
  }
}
