import type { ThoughtStates } from '@subtext/decoder';

import type { ThoughtIntervention } from './interventions';

/** What a model answers for one example. */
export interface ThoughtAuditSample {
  correct: boolean;
  /** In one writing, so that equal answers are equal texts; null where the output holds none. */
  answer: string | null;
  /** Of the true answer given what stands before it, in nats, summed over its tokens. */
  negativeLogLikelihood: number;
}

/** A model whose thoughts can be replaced. */
export interface ThoughtAuditSubject<Example> {
  /** Where a state is several vectors side by side, such as keys and values: the width of one, so that noise keeps each one's norm. @default the whole state */
  readonly segment?: number;
  /** Collects the examples' own thoughts as the model thinks them. */
  collect(options: { examples: readonly Example[] }): Promise<ThoughtStates[]>;
  /** What the thoughts' tokens give by themselves, as many as each example's thoughts. Absent where they cannot be told apart from what they see. */
  markers?(options: { examples: readonly Example[] }): Promise<ThoughtStates[]>;
  /** Answers the examples, with the intervention's thoughts in place of their own, or with their own. One sample an example, in order. */
  run(options: {
    examples: readonly Example[];
    intervention: ThoughtIntervention | null;
  }): Promise<ThoughtAuditSample[]>;
}

/** A stage that a model holds in thoughts. */
export interface HiddenStage {
  name: string;
  /** By example, what its thoughts fit: they can take the place of those of the same shape, such as as many. Null where an example has none. */
  shapes: (string | null)[];
}

/** A model whose stages can be exchanged between examples, one at a time. */
export interface StageAuditSubject<Example> {
  /** The stages that some example has thoughts of, in order. */
  stages(options: { examples: readonly Example[] }): Promise<HiddenStage[]>;
  /** What the examples are answered when a stage's thoughts are their partners', and all that comes after is thought anew; `partners` −1: with their own. */
  swap(options: {
    examples: readonly Example[];
    stage: string;
    /** By example: whose thoughts it gets. */
    partners: Int32Array;
  }): Promise<(string | null)[]>;
}

/** What an interpreter is given. */
export type InterpreterCondition =
  'own' | 'zeros' | 'mean' | 'noise' | 'another' | 'question only' | 'thought only' | 'blind interpreter';

/** What an interpreter writes for one example. */
export interface InterpreterAuditSample {
  /** The explanation; tags and prefixes stripped. */
  text: string;
  /** Facts of the true stage that the text tells right; 0 where the data has none. */
  factsRight: number;
  factsTotal: number;
  /** Of the true stage's text, in nats a token. */
  negativeLogLikelihood: number;
}

/** An interpreter whose input can be replaced. */
export interface InterpreterAuditSubject<Example> {
  /** The thoughts that the interpreter reads, by example. */
  collect(options: { examples: readonly Example[] }): Promise<ThoughtStates[]>;
  /** Explains the examples. `thoughts` is null where the interpreter gets no thought; `question` says whether it gets the question. */
  explain(options: {
    examples: readonly Example[];
    condition: InterpreterCondition;
    thoughts: ThoughtStates[] | null;
    question: boolean;
  }): Promise<InterpreterAuditSample[]>;
}
