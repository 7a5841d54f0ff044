import type { Peers } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import type { ThoughtStates } from '@subtext/decoder';
import { type Answer, readRun, type Reasoner, type RecurrentRun, runRecurrences } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import { inBatches } from '../run/in-batches';
import type { EvaluationTask } from '../tasks/evaluation-task';
import { questionsOf } from '../tasks/questions-of';
import type { HiddenStage, StageAuditSubject, ThoughtAuditSample, ThoughtAuditSubject } from './audit-subject';
import type { ThoughtIntervention } from './interventions';
import { encode } from './own-responses';

/** Options of {@link RecurrentStates}. */
export interface RecurrentStatesOptions {
  /** Of the method `recurrent`. */
  reasoner: Reasoner;
  /** How examples are asked and scored. */
  task: Pick<EvaluationTask, 'prompt' | 'score'>;
  /** Examples side by side. @default 32 */
  batch?: number;
  /** The processes that audit together. @default this one by itself */
  peers?: Peers;
  /** Called after each batch of own answers. @default none */
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

/**
 * A recurrent reasoner whose states can be replaced, as a subject of `auditThoughts` and `auditStages`.
 *
 * **What a thought is.** The state after a recurrence, of all positions of the question. The question itself is read anew in
 * each recurrence, so that the state is all that one hands on to the next, but not all that an answer can be made of.
 *
 * **What replacing it means.** Of all thoughts (`auditThoughts`): the first half of the recurrences is thought, the state
 * then becomes another, and the other half follows with the example's own question: an answer that stays right did not need
 * what was thought in the first half. A cut after k leaves out the recurrences from k to the half. Stage by stage
 * (`auditStages`): after 1, 2, 4 … recurrences, and with 4, 2, 1 still to follow, the state becomes the partner's, and what is
 * left of the recurrences follows. After the last one nothing follows: the answer is read off the partner's state, and is the
 * partner's. That is the control for the others.
 */
export class RecurrentStates implements ThoughtAuditSubject<ReasoningExample>, StageAuditSubject<ReasoningExample> {
  readonly #options: RecurrentStatesOptions;
  readonly #recurrences: number;
  /** Each example's own run; made once. */
  readonly #own = new Map<ReasoningExample, RecurrentRun>();

  /** @throws EvaluationError `invalid-option` for a reasoner that runs its core once, or has none */
  constructor(options: RecurrentStatesOptions) {
    const { recurrences = 0, name } = options.reasoner.method;
    if (recurrences < 2)
      throw new EvaluationError({
        code: 'invalid-option',
        message: `With ${recurrences} ${recurrences === 1 ? 'recurrence' : 'recurrences'} (method "${name}") no state is handed on from one to the next, so that there is none to exchange. Audit a reasoner with two or more.`,
      });
    this.#options = options;
    this.#recurrences = recurrences;
  }

  /** Each position's state keeps its own norm. */
  get segment(): number {
    return this.#options.reasoner.model.dimensions.width;
  }

  /** Recurrences before the state is replaced, where all thoughts are. */
  get #half(): number {
    return Math.floor(this.#recurrences / 2);
  }

  /** What the reasoner answers by itself. */
  async answers({ examples }: { examples: readonly ReasoningExample[] }): Promise<Answer[]> {
    const runs = await this.#runs(examples);
    return runs.map((run) => readRun({ reasoner: this.#options.reasoner, run }));
  }

  async collect({ examples }: { examples: readonly ReasoningExample[] }): Promise<ThoughtStates[]> {
    const runs = await this.#runs(examples);
    return runs.map(({ states }) => Array.from({ length: this.#half }, (_, step) => states.get(step + 1)!));
  }

  async run({
    examples,
    intervention,
  }: {
    examples: readonly ReasoningExample[];
    intervention: ThoughtIntervention | null;
  }): Promise<ThoughtAuditSample[]> {
    const { task, reasoner } = this.#options;
    const half = this.#half;
    const left = half - (intervention?.kept ?? half);
    const runs = await this.#inBatches({
      examples,
      work: (batch, start) =>
        runRecurrences({
          ...this.#asked(batch),
          recurrences: this.#recurrences - left,
          truths: batch.map((example) => this.#truth(example)),
          ...(intervention !== null &&
            intervention.kept === undefined && {
              replace: { after: half, states: batch.map((_, row) => intervention.thoughts[start + row]!.at(-1)!) },
            }),
        }),
    });
    return runs.map((run, row): ThoughtAuditSample => {
      const { answer } = readRun({ reasoner, run });
      const { correct, extracted } = task.score({ prediction: answer ?? null, example: examples[row]! });
      return { correct, answer: extracted, negativeLogLikelihood: run.negativeLogLikelihood! };
    });
  }

  async stages({ examples }: { examples: readonly ReasoningExample[] }): Promise<HiddenStage[]> {
    const runs = await this.#runs(examples);
    const shapes = runs.map(({ prompt }) => String(prompt.length));
    return this.#exchanged().map((after) => ({ name: stageName(after), shapes }));
  }

  async swap({
    examples,
    stage,
    partners,
  }: {
    examples: readonly ReasoningExample[];
    stage: string;
    partners: Int32Array;
  }): Promise<(string | null)[]> {
    const { task, reasoner } = this.#options;
    const after = this.#exchanged().find((one) => stageName(one) === stage)!;
    const own = await this.#runs(examples);
    const runs = await this.#inBatches({
      examples,
      work: (batch, start) =>
        runRecurrences({
          ...this.#asked(batch),
          replace: {
            after,
            states: batch.map((_, row) => {
              const partner = partners[start + row]!;
              return partner < 0 ? null : own[partner]!.states.get(after)!;
            }),
          },
        }),
    });
    return runs.map((run, row) => {
      const { answer } = readRun({ reasoner, run });
      return task.score({ prediction: answer ?? null, example: examples[row]! }).extracted;
    });
  }

  /** The recurrences after which states are exchanged: after 1, 2, 4 … of them, with …, 4, 2, 1 to follow, and after the last. */
  #exchanged(): number[] {
    const powers: number[] = [];
    for (let step = 1; step < this.#recurrences; step *= 2) powers.push(step);
    const after = [...powers, ...powers.map((left) => this.#recurrences - left), this.#recurrences];
    return [...new Set(after)].sort((one, other) => one - other);
  }

  async #runs(examples: readonly ReasoningExample[]): Promise<RecurrentRun[]> {
    const { onProgress } = this.#options;
    const missing = examples.filter((example) => !this.#own.has(example));
    const keep = [...new Set([...Array.from({ length: this.#half }, (_, step) => step + 1), ...this.#exchanged()])];
    const runs = await this.#inBatches({
      examples: missing,
      onProgress,
      work: (batch) => runRecurrences({ ...this.#asked(batch), keep }),
    });
    for (const [index, example] of missing.entries()) this.#own.set(example, runs[index]!);
    return examples.map((example) => this.#own.get(example)!);
  }

  #asked(examples: readonly ReasoningExample[]) {
    const { reasoner, task, signal } = this.#options;
    return { reasoner, questions: questionsOf({ task, examples }), ...(signal && { signal }) };
  }

  /** The ids of the true answer, one for each token of the question. */
  #truth(example: ReasoningExample): number[] {
    const { reasoner, task } = this.#options;
    const truth = encode({ reasoner, text: example.answer });
    const [question] = questionsOf({ task, examples: [example] });
    const asked = encode({ reasoner, text: question!.question });
    if (truth.length === asked.length) return truth;
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `The answer of ${example.id} has ${truth.length} tokens and its question ${asked.length}: a recurrent reasoner reads each token of the answer at its place in the question. Leave the example out.`,
    });
  }

  async #inBatches<Result>({
    examples,
    work,
    onProgress,
  }: {
    examples: readonly ReasoningExample[];
    work: (batch: readonly ReasoningExample[], start: number) => Promise<Result[]>;
    onProgress?: RecurrentStatesOptions['onProgress'];
  }): Promise<Result[]> {
    const { batch = 32, peers, signal } = this.#options;
    return await inBatches({ items: examples, batch, peers, signal, work, onProgress });
  }
}

function stageName(after: number): string {
  return `after ${after} ${after === 1 ? 'recurrence' : 'recurrences'}`;
}
