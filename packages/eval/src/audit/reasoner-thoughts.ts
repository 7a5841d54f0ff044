import type { ReasoningExample } from '@subtext/data';
import type { ThoughtStates } from '@subtext/decoder';
import {
  type Answer,
  parseAnswer,
  type Question,
  type Reasoner,
  replayAnswers,
  type ReplayOptions,
} from '@subtext/reasoner';
import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

import { EvaluationError } from '../errors';
import type { EvaluationTask } from '../tasks/evaluation-task';
import type { ThoughtAuditSample, ThoughtAuditSubject } from './audit-subject';
import type { ThoughtIntervention } from './interventions';

/** An example's own response, up to where its answer begins: what every intervention starts from. */
interface OwnResponse {
  question: Question;
  answer: Answer;
  /** Prompt and response, up to the mark that opens the answer, the mark included. */
  ids: number[];
  /** Positions of the thoughts in `ids`; those of methods that think before they answer lie in the prompt. */
  thoughts: number[];
  /** Whether the response came to an answer of its own. */
  answered: boolean;
}

/** Options of {@link ReasonerThoughts}. */
export interface ReasonerThoughtsOptions {
  reasoner: Reasoner;
  /** How examples are asked and scored. */
  task: Pick<EvaluationTask, 'prompt' | 'score'>;
  /** Examples side by side. @default 32 */
  batch?: number;
  /** Called after each batch of own responses. @default none */
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

/**
 * A reasoner whose thoughts can be replaced, as a subject of {@link auditThoughts}: thinking tokens (Heima, pause) and
 * continuous thoughts (Coconut) alike.
 *
 * **What a thought is.** Nothing of a thinking token is fed back: its embedding is always the same. A continuous
 * thought's input is the state before it. All that later positions can learn from either is what attention finds there:
 * in every layer, the keys and values of the thought's position. The state that predicts the token, one position earlier, is the one that interpreters read; where that
 * position is of the response (its opening tag) and no thought itself, it belongs to the thought too, but never a position
 * of the prompt. A thought's
 * state is therefore the keys and values of both positions in all layers, keys without their rotation.
 *
 * **What replacing it means.** The example's own response is fed again, token by token as it was, up to the mark that
 * opens the answer, with other keys and values at those positions; the answer is written from there. Tokens, tags and
 * positions stay; only what the thoughts hold changes. Closing tags and the mark are computed anew and see the
 * replacement, and the prompt, as they always do: an answer that stays right was not taken from the thoughts, but from
 * the prompt. A thought that is cut is hidden from all later positions, which keep their places.
 *
 * **Likelihood.** Of the true answer, its closing mark and the end, given the prompt and the own response up to the
 * answer's mark, by teacher forcing. A response that has no answer of its own counts as wrong under every intervention;
 * its likelihood is taken after the response with the mark added.
 */
export class ReasonerThoughts implements ThoughtAuditSubject<ReasoningExample> {
  readonly #options: ReasonerThoughtsOptions;
  readonly #responses = new Map<ReasoningExample, OwnResponse>();
  #segment: number | undefined;

  /** Width of one layer's keys; known once thoughts were collected. */
  get segment(): number | undefined {
    return this.#segment;
  }

  constructor(options: ReasonerThoughtsOptions) {
    if (options.reasoner.model.modelType === 'mllama') {
      throw new EvaluationError({
        code: 'invalid-option',
        message: 'The thoughts of an mllama cannot be replaced yet: its cache also holds what it sees of pictures.',
      });
    }
    this.#options = options;
  }

  /** What the reasoner answers by itself, thoughts included. */
  async answers({ examples }: { examples: readonly ReasoningExample[] }): Promise<Answer[]> {
    return (await this.#own(examples)).map(({ answer }) => answer);
  }

  async collect({ examples }: { examples: readonly ReasoningExample[] }): Promise<ThoughtStates[]> {
    const responses = await this.#own(examples);
    const states: ThoughtStates[] = [];
    for (const batch of this.#batches(responses)) states.push(...(await this.#captureBatch(batch)));
    return states;
  }

  async run({
    examples,
    intervention,
  }: {
    examples: readonly ReasoningExample[];
    intervention: ThoughtIntervention | null;
  }): Promise<ThoughtAuditSample[]> {
    const responses = await this.#own(examples);
    const samples: ThoughtAuditSample[] = [];
    for (const batch of this.#batches(responses)) {
      const start = samples.length;
      const thoughts = batch.map((_, index) => intervention?.thoughts[start + index] ?? null);
      const written = await this.#writeAnswers({ batch, thoughts });
      const likelihoods = await this.#answerLikelihoods({
        batch,
        thoughts,
        examples: examples.slice(start, start + batch.length),
      });
      for (const [index, response] of batch.entries()) {
        const example = examples[start + index] as ReasoningExample;
        const score = this.#options.task.score({
          prediction: response.answered ? (written[index] as string | null) : null,
          example,
        });
        samples.push({
          correct: score.correct,
          answer: score.extracted,
          negativeLogLikelihood: likelihoods[index] as number,
        });
      }
    }
    return samples;
  }

  *#batches(responses: readonly OwnResponse[]): Generator<OwnResponse[]> {
    const { batch = 32, signal } = this.#options;
    for (let start = 0; start < responses.length; start += batch) {
      signal?.throwIfAborted();
      yield responses.slice(start, start + batch);
    }
  }

  /** The examples' own responses; each is made once. */
  async #own(examples: readonly ReasoningExample[]): Promise<OwnResponse[]> {
    const { reasoner, task, batch = 32, onProgress, signal } = this.#options;
    const missing = examples.filter((example) => !this.#responses.has(example));
    for (let start = 0; start < missing.length; start += batch) {
      const group = missing.slice(start, start + batch);
      const questions = group.map((example): Question => ({
        question: task.prompt(example),
        ...(example.image === undefined ? {} : { image: example.image }),
      }));
      const answers = await reasoner.think({
        questions,
        batchSize: batch,
        ...(signal === undefined ? {} : { signal }),
      });
      for (const [index, example] of group.entries()) {
        this.#responses.set(
          example,
          this.#ownResponse({ question: questions[index] as Question, answer: answers[index] as Answer }),
        );
      }
      onProgress?.({ done: Math.min(start + batch, missing.length), total: missing.length });
    }
    return examples.map((example) => this.#responses.get(example) as OwnResponse);
  }

  #ownResponse({ question, answer }: Pick<OwnResponse, 'question' | 'answer'>): OwnResponse {
    const { reasoner } = this.#options;
    const { prompt } = answer;
    const mark = this.#encode(reasoner.format.answer.open);
    const lastThought = answer.thoughts.reduce((last, { position }) => Math.max(last, position), -1);
    const found = lastIndexOf({ ids: answer.ids, part: mark, from: lastThought + 1 });
    const content = answer.finished ? answer.ids.slice(0, -1) : answer.ids;
    const prefix = found < 0 ? [...content, ...mark] : answer.ids.slice(0, found + mark.length);
    return {
      question,
      answer,
      ids: [...prompt, ...prefix],
      thoughts: answer.thoughts.map(({ position }) => prompt.length + position).sort((one, other) => one - other),
      answered: found >= 0 && answer.answer !== undefined,
    };
  }

  #encode(text: string): number[] {
    return text === '' ? [] : this.#options.reasoner.tokenizer.encode(text, { addSpecialTokens: false }).ids;
  }

  /** The positions of a thought, those of its state in order; `own`: whether it is the thought's to replace. */
  #placesOf({ response, thought }: { response: OwnResponse; thought: number }): { index: number; own: boolean }[] {
    const token = { index: thought, own: true };
    if (this.#options.reasoner.settings.thoughtReading === 'at') return [token];
    const before = thought - 1;
    return [
      { index: before, own: before >= response.answer.prompt.length && !response.thoughts.includes(before) },
      token,
    ];
  }

  async #captureBatch(batch: readonly OwnResponse[]): Promise<ThoughtStates[]> {
    const slots = batch.map((response) => response.thoughts.map((thought) => this.#placesOf({ response, thought })));
    const pass = await this.#replay({
      batch,
      sequences: batch.map(({ ids }) => ids),
      places: slots.map((thoughts) => thoughts.flat().map(({ index }) => ({ index }))),
    });
    try {
      pass.session.feed(pass.inputs).dispose();
      const states = await pass.session.captured();
      const [first] = states;
      if (first !== undefined) this.#segment = first.length / (2 * this.#options.reasoner.model.dimensions.layers);
      let next = 0;
      return slots.map((thoughts) =>
        thoughts.map((places) => joined(places.map(() => states[next++] as Float32Array))),
      );
    } finally {
      pass.dispose();
    }
  }

  /** By example: what is written after the mark, greedily, as the format reads it; null where no answer ends. */
  async #writeAnswers({
    batch,
    thoughts,
  }: {
    batch: readonly OwnResponse[];
    thoughts: readonly (ThoughtStates | null)[];
  }): Promise<(string | null)[]> {
    const { reasoner, signal } = this.#options;
    const { model, tokenizer, format, settings } = reasoner;
    const endId = tokenizer.idOf(settings.endToken);
    const allowed = Math.ceil(settings.longestResponse * 1.2) + 1;
    const longest = batch.reduce((most, { ids }) => Math.max(most, ids.length), 0);
    // A position is written only while the model has one.
    const maxNewTokens = Math.min(
      Math.max(4, ...batch.map(({ ids, answer }) => allowed - (ids.length - answer.prompt.length))),
      model.dimensions.maxPositions - longest + 1,
    );
    const pass = await this.#replay({
      batch,
      sequences: batch.map(({ ids }) => ids),
      ...this.#replacementsFor({ batch, thoughts }),
      room: maxNewTokens,
    });
    try {
      const written = await pass.session.write({ inputs: pass.inputs, maxNewTokens, stopIds: [endId], signal });
      signal?.throwIfAborted();
      return batch.map(({ ids, answer }, row) => {
        if (written.reasons[row] !== 'stop-id') return null;
        const response = [...ids.slice(answer.prompt.length), ...(written.ids[row] as number[]).slice(0, -1)];
        return parseAnswer({ text: tokenizer.decode(response, { skipSpecialTokens: false }), format }) ?? null;
      });
    } finally {
      pass.dispose();
    }
  }

  async #answerLikelihoods({
    batch,
    thoughts,
    examples,
  }: {
    batch: readonly OwnResponse[];
    thoughts: readonly (ThoughtStates | null)[];
    examples: readonly ReasoningExample[];
  }): Promise<number[]> {
    const { reasoner } = this.#options;
    const endId = reasoner.tokenizer.idOf(reasoner.settings.endToken);
    const truths = examples.map(({ answer }) => [
      ...this.#encode(answer),
      ...this.#encode(reasoner.format.answer.close),
      endId,
    ]);
    const sequences = batch.map(({ ids }, row) => [...ids, ...(truths[row] as number[])]);
    const pass = await this.#replay({ batch, sequences, ...this.#replacementsFor({ batch, thoughts }) });
    try {
      const losses = tf.tidy(() => {
        const hidden = pass.session.feed(pass.inputs);
        const [count, time, width] = hidden.shape;
        const rows = truths.flatMap((truth, row) =>
          truth.map((_, place) => (row + 1) * time - truth.length + place - 1),
        );
        const states = gatherRows({
          input: tf.reshape(hidden, [count * time, width]) as tf.Tensor2D,
          indices: Int32Array.from(rows),
        });
        return crossEntropy({ logits: reasoner.model.logits(states), labels: tf.tensor1d(truths.flat(), 'int32') });
      });
      const values = await losses.data().finally(() => losses.dispose());
      let next = 0;
      return truths.map((truth) => truth.reduce((sum) => sum + (values[next++] as number), 0));
    } finally {
      pass.dispose();
    }
  }

  /** Where a batch's thoughts are replaced and by what, and what is hidden. */
  #replacementsFor({
    batch,
    thoughts,
  }: {
    batch: readonly OwnResponse[];
    thoughts: readonly (ThoughtStates | null)[];
  }): { places: { index: number; state: Float32Array }[][]; hidden: number[][] } {
    const places = batch.map((): { index: number; state: Float32Array }[] => []);
    const hidden = batch.map((): number[] => []);
    for (const [row, response] of batch.entries()) {
      const states = thoughts[row];
      if (states === null || states === undefined) continue;
      for (const [place, thought] of response.thoughts.entries()) {
        const slots = this.#placesOf({ response, thought });
        const state = states[place];
        for (const [slot, { index, own }] of slots.entries()) {
          if (!own) continue;
          if (state === undefined) hidden[row]?.push(index);
          else {
            const width = state.length / slots.length;
            places[row]?.push({ index, state: state.subarray(slot * width, (slot + 1) * width) });
          }
        }
      }
    }
    return { places, hidden };
  }

  /** A session on a batch's responses, with states read, replaced or hidden. */
  #replay({
    batch,
    ...options
  }: Pick<ReplayOptions, 'sequences' | 'places' | 'hidden' | 'room'> & { batch: readonly OwnResponse[] }) {
    return replayAnswers({
      reasoner: this.#options.reasoner,
      questions: batch.map(({ question }) => question),
      answers: batch.map(({ answer }) => answer),
      ...options,
    });
  }
}

/** Where the last occurrence of a part begins, at or after an index; −1 where there is none. An empty part is at the end. */
function lastIndexOf({ ids, part, from }: { ids: readonly number[]; part: readonly number[]; from: number }): number {
  for (let start = ids.length - part.length; start >= from; start--) {
    if (part.every((id, place) => ids[start + place] === id)) return start;
  }
  return -1;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
