import type { LanguageModel } from '@subtext/model';
import type { FeedbackMap, KeysAndValues, ProgramParameter, ReasonerBatch } from '@subtext/reasoner';
import type { tf } from '@subtext/tensor';

import type { LaidOutExample, ReasonerData } from '../sources/laid-out-examples';

/** What a pass gives beside the last states. */
export interface ForwardExtras {
  /** The states of every layer. @default false */
  layers?: boolean;
  /** The keys and values of every layer. @default false */
  keysAndValues?: boolean;
  /** How much each position looks at each, in every layer; not of a batch with continuous thoughts. @default false */
  attentions?: boolean;
}

/** One forward pass of the model that is trained, as objectives read it. */
export interface Forward<Inputs = unknown> {
  readonly inputs: Inputs;
  /** After the final norm, a row for each position: `[rows · time, width]`. With continuous thoughts, only rows that something asks for hold anything. */
  readonly states: tf.Tensor2D;
  /** The same of every layer; the first is what enters the model. Empty unless an objective reads `layers`. */
  readonly layers: readonly tf.Tensor2D[];
  /** The keys and values of every layer, in the rows of `states`, where an objective reads `keysAndValues`. */
  readonly keysAndValues?: readonly KeysAndValues[];
  /** How much each position looks at each, by layer, `[rows, heads, time, time]`, where a further run asks for it. */
  readonly attentions?: readonly tf.Tensor4D[];
  /** Of a recurrent model, the states of each recurrence through which gradients go; the last ones are `states`. */
  readonly recurrences?: readonly tf.Tensor2D[];
  /** What states say of the next token: `[rows, width]` to `[rows, outputs]`. */
  logits(states: tf.Tensor2D): tf.Tensor2D;
  /** Runs further inputs through the same model, with the same extras and those that are named. */
  run(inputs: Inputs, extras?: ForwardExtras): Forward<Inputs>;
}

/** What an objective finds in one shard. */
export interface ObjectiveLoss {
  /** Added to the program's loss one after the other, weighted. */
  terms: readonly tf.Scalar[];
  /** The loss in parts, unweighted, by name: told where the program has more than these. Summed over shards, as the loss. @default none */
  parts?: Readonly<Record<string, tf.Scalar>>;
  /** Measures that are always told. Summed over shards. @default none */
  metrics?: Readonly<Record<string, tf.Scalar>>;
}

/** What a model is trained on: a loss over its forward pass, with parameters and a part of each batch of its own. */
export interface Objective<Part = unknown, Inputs = unknown> {
  /** Whether it reads the states of every layer. @default false */
  readonly layers?: boolean;
  /** Whether it reads the keys and values of every layer. @default false */
  readonly keysAndValues?: boolean;
  /** What it trains beside the model, named uniquely in the program. @default nothing */
  readonly parameters?: readonly ProgramParameter[];
  /** The loss of one shard; over the shards of a step its values are summed. Runs inside a gradient tape. */
  loss(options: {
    forward: Forward<Inputs>;
    part: Part;
    /** Names this shard's and step's random draws. Absent: nothing is left to chance. */ dropoutSeed?: number;
  }): ObjectiveLoss;
}

/** A step of a data set, of which an objective makes its part. */
export interface PartsOptions<Data = unknown> {
  /** The step's examples, by shard. */
  shards: readonly (readonly LaidOutExample[])[];
  /** The shards' batches for the model. */
  batches: readonly ReasonerBatch[];
  /** What batches are made from. */
  set: ReasonerData;
  /** What was given to the objective for this: {@link ObjectiveUse.data}. */
  data: Data;
  /** Seed, place of the phase in the run, step: what draws are named by. */
  counters: readonly number[];
}

/** How an objective is made: one file and a line in the registry. */
export interface ObjectiveDefinition<Options = unknown, Data = unknown, Part = unknown, Inputs = unknown> {
  name: string;
  /** Makes it, in every worker alike. */
  create(options: {
    options: Options;
    /** The model that is trained. */ model: LanguageModel;
    /** What its states go through before they are fed back, trained with it. @default nothing */
    feedback?: FeedbackMap;
  }): Objective<Part, Inputs> | Promise<Objective<Part, Inputs>>;
  /**
   * Its part of each shard's batch, undefined where it has nothing to say of this step. Runs in the first thread; the
   * parts are posted to workers. Without it the objective reads the batch that the model reads, in every step.
   */
  parts?(options: PartsOptions<Data>): (Part | undefined)[] | Promise<(Part | undefined)[]>;
}

/** An objective of a run, by name. */
export interface ObjectiveUse {
  name: string;
  /** For {@link ObjectiveDefinition.create}; can be posted to a worker. @default none */
  options?: unknown;
  /** For {@link ObjectiveDefinition.parts}; stays in the first thread. @default none */
  data?: unknown;
}
