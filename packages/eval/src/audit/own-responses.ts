import type { Peers } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import {
  type Answer,
  answerStart,
  type Question,
  type Reasoner,
  replacedPlaces,
  type ThoughtPlace,
  thoughtPlaces,
} from '@subtext/reasoner';
import type { ThoughtStates } from '@subtext/decoder';

import { inBatches } from '../run/in-batches';
import type { EvaluationTask } from '../tasks/evaluation-task';
import { questionsOf } from '../tasks/questions-of';

/** An example's own response, up to where its answer begins: what every intervention starts from. */
export interface OwnResponse {
  question: Question;
  answer: Answer;
  /** Prompt and response, up to the mark that opens the answer, the mark included. */
  ids: number[];
  /** By thought, the places of its state in `ids`; those of methods that think before they answer lie in the prompt. */
  thoughts: ThoughtPlace[][];
  /** Whether the response came to an answer of its own. */
  answered: boolean;
}

/** Options of {@link OwnResponses}. */
export interface OwnResponsesOptions {
  reasoner: Reasoner;
  /** How examples are asked. */
  task: Pick<EvaluationTask, 'prompt'>;
  /** Examples side by side. @default 32 */
  batch?: number;
  /** The processes that ask together. @default this one by itself */
  peers?: Peers;
  /** Called after each batch. @default none */
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

/** What a reasoner answers examples by itself; each is asked once. */
export class OwnResponses {
  readonly #options: OwnResponsesOptions;
  readonly #responses = new Map<ReasoningExample, OwnResponse>();

  constructor(options: OwnResponsesOptions) {
    this.#options = options;
  }

  async of(examples: readonly ReasoningExample[]): Promise<OwnResponse[]> {
    const { reasoner, task, batch = 32, signal } = this.#options;
    const missing = examples.filter((example) => !this.#responses.has(example));
    const answers = await inBatches({
      ...this.#options,
      items: missing,
      batch,
      work: (group) =>
        reasoner.think({
          questions: questionsOf({ task, examples: group }),
          batchSize: batch,
          ...(signal === undefined ? {} : { signal }),
        }),
    });
    const questions = questionsOf({ task, examples: missing });
    for (const [index, example] of missing.entries())
      this.#responses.set(
        example,
        ownResponse({ reasoner, question: questions[index] as Question, answer: answers[index] as Answer }),
      );
    return examples.map((example) => this.#responses.get(example) as OwnResponse);
  }
}

function ownResponse({
  reasoner,
  question,
  answer,
}: {
  reasoner: Reasoner;
  question: Question;
  answer: Answer;
}): OwnResponse {
  const { ids, found } = answerStart({ reasoner, answer });
  const places = thoughtPlaces({ answer, reading: reasoner.settings.thoughtReading });
  return {
    question,
    answer,
    ids,
    thoughts: places.sort((one, other) => (one.at(-1) as ThoughtPlace).index - (other.at(-1) as ThoughtPlace).index),
    answered: found && answer.answer !== undefined,
  };
}

/** A text's ids, without special tokens around it. */
export function encode({ reasoner, text }: { reasoner: Reasoner; text: string }): number[] {
  return text === '' ? [] : reasoner.tokenizer.encode(text, { addSpecialTokens: false }).ids;
}

/** Where responses' thoughts are replaced and by what, and what is hidden: thoughts that there are no states for. */
export function replacementsFor({
  responses,
  thoughts,
}: {
  responses: readonly Pick<OwnResponse, 'thoughts'>[];
  /** By response; null: its own. */
  thoughts: readonly (ThoughtStates | null)[];
}): { places: { index: number; state: Float32Array }[][]; hidden: number[][] } {
  const places = responses.map((): { index: number; state: Float32Array }[] => []);
  const hidden = responses.map((): number[] => []);
  for (const [row, response] of responses.entries()) {
    const states = thoughts[row];
    if (states === null || states === undefined) continue;
    for (const [place, slots] of response.thoughts.entries()) {
      const state = states[place];
      if (state === undefined) hidden[row]?.push(...slots.flatMap(({ index, own }) => (own ? [index] : [])));
      else places[row]?.push(...replacedPlaces({ slots, state }));
    }
  }
  return { places, hidden };
}
