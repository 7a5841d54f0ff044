import type { ReasoningExample } from '@subtext/data';
import type { Tokenizer } from '@subtext/tokenizer';

import type { Role } from '../visibility/roles';
import type { VisibilityTable } from '../visibility/visibility-table';
import type { ReasoningFormat } from './reasoning-format';

/** The label that carries no loss: PyTorch's `ignore_index`. */
export const IGNORED_LABEL = -100;

/** Where a thought lies in a laid-out sequence. */
export interface ThoughtPosition {
  /** Name of the stage whose text the thought stands for. */
  stage: string;
  /** Which thought of the stage, from 0. */
  index: number;
  /** Index in `ids` of the thought itself. A thinking token's state is read one position earlier: the state that predicts it. */
  position: number;
  /**
   * `token`: the thought is a special token (Heima, pause). `continuous`: its input is the previous position's last hidden
   * state (Coconut). `stepped`: a special token that runs as a pass of its own, as a continuous thought has to. `added`: a
   * special token to whose embedding the previous position's last hidden state is added, through a matrix.
   */
  kind: 'token' | 'continuous' | 'stepped' | 'added';
}

/** The two tokens by whose logits a model decides, after each state, to think on or to answer: a halting head of two rows. */
export interface HaltingMarks {
  /** Opens another thought. */
  more: number;
  /** Ends thinking. */
  stop: number;
}

/** When a model stops thinking: where `stop` is likelier than `more`, or, without `more`, than every other token. */
export type ThinkingEnd = HaltingMarks | { more?: undefined; stop: number };

/** A training objective that a method needs, by name: each is one file of `@subtext/trainer`. */
export interface ObjectiveSpecification {
  name: string;
  /** Its options; can be posted to a worker. @default its own */
  options?: unknown;
}

/**
 * What an objective needs of an example beside its sequence, under the objective's name. Layouts stand in `rows` and
 * `apart`, so that whatever counts, masks or measures sequences finds them; the rest is the objective's own.
 */
export interface LayoutPart {
  /** The example laid out otherwise, in the same batch, behind all examples' own sequences. @default none */
  rows?: readonly Layout[];
  /** The example laid out otherwise, in a batch of its own. @default none */
  apart?: readonly Layout[];
}

/** How a layout's explicit chain teaches it (CODI, KaVa): the objective `distillation`. */
export interface Teacher extends LayoutPart {
  /** The example with its chain in words. */
  apart: readonly [Layout];
  /** Position in the taught layout whose state is drawn to the teacher's: the one that predicts the answer. */
  own: number;
  /** The same position in the teacher's layout. */
  position: number;
  /** Where the chain stands in the teacher's layout: from this position, up to but not including that. */
  chain: { from: number; to: number };
}

/** What an example would be with fewer thoughts, from which a model learns when to stop thinking: the objective `halting`. */
export interface Halting extends HaltingMarks, LayoutPart {
  /** The example with 0, 1, … thoughts, up to one fewer than the layout has. */
  rows: readonly Layout[];
  /** Of the halting head's loss; 0 where it waits. */
  weight: number;
}

/** Which words each thought predicts: the objective `thought-words`. */
export interface PredictedWords extends LayoutPart {
  thoughts: readonly {
    /** Position whose state predicts. */
    position: number;
    /** The words' tokens, in order. */
    ids: readonly number[];
  }[];
}

/** How often a layout's thoughts are exchanged for another example's: the objective `swap`. */
export interface Swap extends LayoutPart {
  /** The chance of this example. */
  share: number;
}

/**
 * What stands at a position in place of its token's embedding: a mixture of embeddings, `Σ_i w_i e(id_i)` (CoT2), or a
 * vector `[width]`. A thought whose input is given is no pass of its own: all positions run in one.
 */
export type GivenInput =
  { position: number; ids: readonly number[]; weights: readonly number[] } | { position: number; vector: Float32Array };

/** Which ids the states of some positions are to predict, in which shares: the objective `soft-targets`. */
export interface SoftTargets extends LayoutPart {
  targets: readonly {
    /** Position whose state predicts. */
    position: number;
    ids: readonly number[];
    /** Of the ids; they sum to 1. */
    weights: readonly number[];
  }[];
}

/** Where a state tells whether the answer is right: the objective `recurrence`. */
export interface RightAnswer extends HaltingMarks, LayoutPart {
  /** Position whose state tells it. */
  position: number;
}

/** One example, laid out as a method's phase asks: what the model sees and what it must predict. */
export interface Layout {
  /** Token ids: the prompt, then the response. */
  ids: number[];
  /** For each position, the id it holds if the model must predict it, else {@link IGNORED_LABEL}. Not shifted. */
  labels: number[];
  /** What each position is; needed with a visibility table. */
  roles?: Role[];
  /** Which positions attend to which, of the {@link LayoutContext} it was laid out in. @default causal: each position to all before it */
  visibility?: VisibilityTable;
  /** How many of `ids` are the prompt. */
  promptLength: number;
  /** The thoughts, in order of position. */
  thoughts: ThoughtPosition[];
  /** What stands in place of tokens. @default nothing */
  inputs?: readonly GivenInput[];
  /** How often the core of a recurrent model is run, and through how many of the last runs gradients go: the same in a batch. @default the model has no core */
  recurrence?: { steps: number; gradientSteps: number };
  /** What the phase's objectives need beside the sequence, by their names: in every layout of a phase or in none. @default nothing */
  parts?: {
    readonly distillation?: Teacher;
    readonly halting?: Halting;
    readonly 'thought-words'?: PredictedWords;
    readonly swap?: Swap;
    readonly 'soft-targets'?: SoftTargets;
    readonly recurrence?: RightAnswer;
    readonly [objective: string]: LayoutPart | undefined;
  };
}

/** By stage, what its thoughts are to say: they are made from these words instead of what they are otherwise made from. */
export type ThoughtWords = Readonly<Record<string, string>>;

/** What a prompt is made of. */
export interface PromptSubject extends Pick<ReasoningExample, 'question' | 'image'> {
  /** @default nothing is told */
  words?: ThoughtWords;
}

/** Everything about the model and the data that a layout depends on. */
export interface LayoutContext {
  tokenizer: Tokenizer;
  /** How steps and answers are written. */
  format: ReasoningFormat;
  /** How an image enters the prompt; absent for text-only models. */
  image?: {
    /** The id that holds an image feature's place. */
    tokenId: number;
    /** Feature vectors of an image, hence placeholders. */
    tokens: number;
    /** Whether the picture stands before the question or after it. @default 'before' */
    position?: 'before' | 'after';
    /** What stands for this example's picture, where pictures differ in it (tiles). @default `tokens` times `tokenId` */
    ids?: readonly number[];
  };
  /** Ids before everything else, for example `<bos>`. @default [] */
  prefix?: number[];
  /** The id that ends a response. */
  endId: number;
  /** Which positions attend to which, by role. @default causal: each position to all before it */
  visibility?: VisibilityTable;
}

/** A part of training with one layout and one optimizer. Each phase starts from the weights of the one before. */
export interface Phase {
  /** For people and logs, for example `hide summary`. */
  name: string;
  /** From 0. */
  index: number;
  /** Names of the stages whose text is hidden in thoughts, in the order of the stages. */
  hiddenStages: readonly string[];
  /** `encode`: hides one stage more. `recover`: everything hidden, a lower learning rate. `text`: nothing hidden. */
  kind: 'text' | 'encode' | 'recover';
  /**
   * How far a method that counts has got: steps held by thoughts (Coconut), tokens taken away (iCoT), recurrences
   * (recurrent). `Infinity`: no text is left of any step. Absent in methods that hide stages by name.
   */
  level?: number;
  /** Whether examples are answered after any number of thoughts, and whether a halting head learns to choose one. @default neither */
  halting?: 'answers' | 'head';
}

/** All sequences that an example puts into a step: its own, then those that objectives compare it with. */
export function layoutsOf(layout: Layout): Layout[] {
  const parts = Object.values(layout.parts ?? {});
  return [layout, ...parts.flatMap((part) => [...(part?.rows ?? []), ...(part?.apart ?? [])])];
}

/**
 * How examples are laid out and in which phases: a pure description, which the trainer, the generator and the
 * evaluator all read, so that training and inference cannot disagree about a format.
 */
export interface ReasoningMethod {
  readonly name: string;
  /**
   * What it is trained on. `explanation` (interpreters that supervise thoughts while they are learned) needs interpreters to
   * be prepared. @default next-token cross-entropy alone
   */
  readonly objectives?: readonly ObjectiveSpecification[];
  /** Names of the stages that its thoughts can stand for, in order; none where it has no thoughts that could be told. @default all */
  thoughtStages?(options: { stages: readonly string[] }): readonly string[];
  /** Whether a stage's thoughts are fed the state before them, that of another stage's thoughts among them (Coconut). @default false */
  readonly fedAcross?: boolean;
  /** Whether the roles of its prompt tell what the answer is chosen from (`candidates`) apart from the rest of the question. @default false */
  readonly candidates?: boolean;
  /** Names of the stages that stand between question and answer when training is done, in order. @default all */
  lastStages?(options: { stages: readonly string[] }): readonly string[];
  /** What the thoughts of a stage stand for in words. @default the text of the step of that name */
  explanation?(options: { example: ReasoningExample; stage: string; context: LayoutContext }): string | undefined;
  /** Whether the state before a thinking token is added to its embedding, through the reasoner's matrix. @default false */
  readonly addsStates?: boolean;
  /**
   * Whether what is fed back of a state is the mixture of all embeddings by the next token's probabilities there (CoT2).
   * @default false: the state itself
   */
  readonly mixesEmbeddings?: boolean;
  /**
   * Whether what is fed back of a state is what a latent head predicts from it (CoLaR), which the reasoner has as its map.
   * @default false
   */
  readonly latentHead?: boolean;
  /** How many tokens of a written chain a thought stands for: the factors that are trained, and that of answers. @default thoughts stand for no such number */
  readonly compression?: { readonly factors: readonly number[]; readonly factor: number };
  /**
   * How often the core of a recurrent model is run for an answer, unless answering is told otherwise. Each token of the answer
   * is then read at its place in the question, all at once. @default answers are written token by token
   */
  readonly recurrences?: number;
  /** Whether what a stage is to think can be told in words. @default false */
  readonly thinksFromWords?: boolean;
  /** The id that ends a stage held in thoughts, where no mark closes it. Absent in methods whose marks close every stage. */
  stageEnd?(options: { stage: string; tokenizer: Tokenizer }): number;
  /** Special tokens that the method adds to the tokenizer, in order. */
  specialTokens(options: { stages: readonly string[] }): string[];
  /** The phases of training. */
  curriculum(options: { stages: readonly string[] }): Phase[];
  /** The example as ids and labels. Throws `missing-stage` where the example lacks a named stage that the phase hides. */
  layout(options: {
    example: ReasoningExample;
    phase: Phase;
    context: LayoutContext;
    /** Counters (seed, phase, step, row) of what the method draws by chance; absent: nothing is left to chance. */
    counters?: readonly number[];
  }): Layout;
  /**
   * What chance may make of an example beside `layout` without counters, where that is longer or has other tokens: data is
   * looked through for it before a run. @default nothing
   */
  chanceLayouts?(options: { example: ReasoningExample; phase: Phase; context: LayoutContext }): Layout[];
  /** The prompt alone: what generation starts from, with the thoughts that stand in it. */
  prompt(options: { example: PromptSubject; context: LayoutContext }): number[];
  /** What each position of the prompt is. A method without it cannot be given a visibility table. */
  promptRoles?(options: {
    example: PromptSubject;
    /** Names of the stages, which thoughts are told by; absent: `step_1` … */ stages?: readonly string[];
    context: LayoutContext;
  }): Role[];
  /**
   * What every response begins with, whatever the question: marks and thinking tokens, up to the first token that depends
   * on it. Generation runs it in one pass and keeps what the model would have written itself. Absent in methods whose
   * responses have no such start.
   */
  responseStart?(options: {
    stages: readonly string[];
    /** Those that the model was trained to hide. */ hiddenStages: readonly string[];
    context: LayoutContext;
  }): number[];
  /** The marks by which the model decides how many of the prompt's thoughts it needs. Absent where it takes all. */
  halting?(context: LayoutContext): ThinkingEnd;
  /** Where the prompt's thoughts stand in it. Absent in methods whose thoughts are written by the model, or that have none. */
  promptThoughts?(options: {
    example: Pick<ReasoningExample, 'question' | 'image'>;
    /** Names of the stages, which thoughts are told by; absent: `step_1` … */ stages?: readonly string[];
    context: LayoutContext;
  }): ThoughtPosition[];
}
