import type { Peers } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import type { ThoughtStates } from '@subtext/decoder';
import { type Answer, parseAnswer, type Reasoner, replayAnswers, type ReplayOptions } from '@subtext/reasoner';
import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

import { inBatches } from '../run/in-batches';
import type { EvaluationTask } from '../tasks/evaluation-task';
import type { ThoughtAuditSample, ThoughtAuditSubject } from './audit-subject';
import type { ThoughtIntervention } from './interventions';
import { encode, type OwnResponse, OwnResponses, replacementsFor } from './own-responses';

/** Options of {@link ReasonerThoughts}. */
export interface ReasonerThoughtsOptions {
  reasoner: Reasoner;
  /** How examples are asked and scored. */
  task: Pick<EvaluationTask, 'prompt' | 'score'>;
  /** What it answers by itself, if it was asked before. @default asked anew */
  responses?: OwnResponses;
  /** Examples side by side. @default 32 */
  batch?: number;
  /** The processes that audit together. @default this one by itself */
  peers?: Peers;
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
  readonly #responses: OwnResponses;
  #segment: number | undefined;

  /** Width of one layer's keys; known once thoughts were collected. */
  get segment(): number | undefined {
    return this.#segment;
  }

  constructor(options: ReasonerThoughtsOptions) {
    this.#options = options;
    this.#responses = options.responses ?? new OwnResponses(options);
  }

  /** What the reasoner answers by itself, thoughts included. */
  async answers({ examples }: { examples: readonly ReasoningExample[] }): Promise<Answer[]> {
    return (await this.#responses.of(examples)).map(({ answer }) => answer);
  }

  async collect({ examples }: { examples: readonly ReasoningExample[] }): Promise<ThoughtStates[]> {
    const states = await this.#inBatches({ examples, work: (batch) => this.#captureBatch(batch) });
    const responses = await this.#responses.of(examples);
    for (const [index, { thoughts }] of responses.entries()) {
      const [state] = states[index] as ThoughtStates;
      const [slots] = thoughts;
      if (state === undefined || slots === undefined) continue;
      const { cachedLayers, dimensions } = this.#options.reasoner.model;
      this.#segment = state.length / slots.length / (2 * (cachedLayers?.length ?? dimensions.layers));
      break;
    }
    return states;
  }

  async markers({ examples }: { examples: readonly ReasoningExample[] }): Promise<ThoughtStates[]> {
    return await this.#inBatches({ examples, work: (batch) => this.#captureBatch(batch, { markers: true }) });
  }

  async run({
    examples,
    intervention,
  }: {
    examples: readonly ReasoningExample[];
    intervention: ThoughtIntervention | null;
  }): Promise<ThoughtAuditSample[]> {
    return await this.#inBatches({
      examples,
      work: async (batch, start) => {
        const thoughts = batch.map((_, index) => intervention?.thoughts[start + index] ?? null);
        const written = await this.#writeAnswers({ batch, thoughts });
        const likelihoods = await this.#answerLikelihoods({
          batch,
          thoughts,
          examples: examples.slice(start, start + batch.length),
        });
        return batch.map((response, index): ThoughtAuditSample => {
          const { correct, extracted } = this.#options.task.score({
            prediction: response.answered ? (written[index] as string | null) : null,
            example: examples[start + index] as ReasoningExample,
          });
          return { correct, answer: extracted, negativeLogLikelihood: likelihoods[index] as number };
        });
      },
    });
  }

  /** Works on the examples' own responses, batch by batch. */
  async #inBatches<Result>({
    examples,
    work,
  }: {
    examples: readonly ReasoningExample[];
    work: (batch: readonly OwnResponse[], start: number) => Promise<Result[]>;
  }): Promise<Result[]> {
    const { batch = 32, peers, signal } = this.#options;
    return await inBatches({ items: await this.#responses.of(examples), batch, peers, signal, work });
  }

  /** `markers`: of the thoughts' tokens by themselves, which see nothing and are fed nothing but their embedding. */
  async #captureBatch(batch: readonly OwnResponse[], { markers = false } = {}): Promise<ThoughtStates[]> {
    const places = batch.map(({ thoughts }) => thoughts.flat());
    const pass = await this.#replay({
      batch: markers ? batch.map((one) => ({ ...one, answer: { ...one.answer, thoughts: [] } })) : batch,
      sequences: batch.map(({ ids }) => ids),
      places: places.map((list) => list.map(({ index }) => ({ index }))),
      ...(markers && { alone: places.map((list) => list.map(({ index }) => index)) }),
    });
    try {
      pass.session.feed(pass.inputs).dispose();
      const states = await pass.session.captured();
      let next = 0;
      return batch.map(({ thoughts }) =>
        thoughts.map((slots) => joined(slots.map(() => states[next++] as Float32Array))),
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
      ...replacementsFor({ responses: batch, thoughts }),
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
      ...encode({ reasoner, text: answer }),
      ...encode({ reasoner, text: reasoner.format.answer.close }),
      endId,
    ]);
    const sequences = batch.map(({ ids }, row) => [...ids, ...(truths[row] as number[])]);
    const pass = await this.#replay({ batch, sequences, ...replacementsFor({ responses: batch, thoughts }) });
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

  /** A session on a batch's responses, with states read, replaced or hidden. */
  #replay({
    batch,
    ...options
  }: Pick<ReplayOptions, 'sequences' | 'places' | 'hidden' | 'alone' | 'room'> & { batch: readonly OwnResponse[] }) {
    return replayAnswers({
      reasoner: this.#options.reasoner,
      questions: batch.map(({ question }) => question),
      answers: batch.map(({ answer }) => answer),
      ...options,
    });
  }
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
