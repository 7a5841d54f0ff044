import type { Peers } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import { readThoughts, type Reasoner, type SeenThought, thinkAgain } from '@subtext/reasoner';

import { inBatches } from '../run/in-batches';
import type { EvaluationTask } from '../tasks/evaluation-task';
import type { HiddenStage, StageAuditSubject } from './audit-subject';
import { type OwnResponse, OwnResponses } from './own-responses';

/** Options of {@link ReasonerStages}. */
export interface ReasonerStagesOptions {
  reasoner: Reasoner;
  /** How examples are asked and scored. */
  task: Pick<EvaluationTask, 'prompt' | 'score'>;
  /** What it answers by itself, if it was asked before. @default asked anew */
  responses?: OwnResponses;
  /** Examples side by side. @default 32 */
  batch?: number;
  /** The processes that audit together. @default this one by itself */
  peers?: Peers;
  signal?: AbortSignal;
}

/**
 * A reasoner whose stages can be exchanged between examples, as a subject of {@link auditStages}: the response goes on
 * from the stage's thoughts, whose keys and values are the other example's, so that later stages, in thoughts or words,
 * see the exchange and are made anew.
 */
export class ReasonerStages implements StageAuditSubject<ReasoningExample> {
  readonly #options: ReasonerStagesOptions;
  readonly #responses: OwnResponses;
  readonly #seen = new Map<ReasoningExample, SeenThought[]>();

  constructor(options: ReasonerStagesOptions) {
    this.#options = options;
    this.#responses = options.responses ?? new OwnResponses(options);
  }

  async stages({ examples }: { examples: readonly ReasoningExample[] }): Promise<HiddenStage[]> {
    const seen = await this.#read(examples);
    const order = this.#options.reasoner.settings.stages;
    const names = [...new Set(seen.flatMap((thoughts) => thoughts.map(({ stage }) => stage)))];
    names.sort((one, other) => order.indexOf(one) - order.indexOf(other));
    return names.map((name) => ({
      name,
      shapes: seen.map((thoughts) => {
        const own = thoughts.filter(({ stage }) => stage === name);
        return own.length === 0 ? null : `${own.length}${own.at(-1)?.next === undefined ? '' : ', fed on'}`;
      }),
    }));
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
    const { reasoner, task, batch = 32, peers, signal } = this.#options;
    const responses = await this.#responses.of(examples);
    const seen = await this.#read(examples);
    const rows = [...examples.keys()].filter((row) => (partners[row] as number) >= 0);
    const changed = await inBatches({
      items: rows,
      batch,
      peers,
      signal,
      work: async (group) => {
        const own = group.map((row) => responses[row] as OwnResponse);
        const answers = await thinkAgain({
          reasoner,
          questions: own.map(({ question }) => question),
          answers: own.map(({ answer }) => answer),
          stage,
          thoughts: group.map((row) =>
            (seen[partners[row] as number] as SeenThought[]).filter((thought) => thought.stage === stage),
          ),
          batchSize: batch,
          ...(signal === undefined ? {} : { signal }),
        });
        signal?.throwIfAborted();
        return answers.map(({ answer }) => answer ?? null);
      },
    });
    const answers: (string | null)[] = responses.map(({ answer }) => answer.answer ?? null);
    for (const [place, row] of rows.entries()) answers[row] = changed[place] as string | null;
    return answers.map(
      (prediction, row) => task.score({ prediction, example: examples[row] as ReasoningExample }).extracted,
    );
  }

  /** What can be learnt from the examples' thoughts; read once. */
  async #read(examples: readonly ReasoningExample[]): Promise<SeenThought[][]> {
    const { reasoner, batch = 32, peers, signal } = this.#options;
    const missing = examples.filter((example) => !this.#seen.has(example));
    const seen = await inBatches({
      items: await this.#responses.of(missing),
      batch,
      peers,
      signal,
      work: (group) =>
        readThoughts({
          reasoner,
          questions: group.map(({ question }) => question),
          answers: group.map(({ answer }) => answer),
          batchSize: batch,
          ...(signal === undefined ? {} : { signal }),
        }),
    });
    for (const [index, example] of missing.entries()) this.#seen.set(example, seen[index] as SeenThought[]);
    return examples.map((example) => this.#seen.get(example) as SeenThought[]);
  }
}
