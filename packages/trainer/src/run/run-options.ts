import type { ReasoningExample } from '@subtext/data';
import type { TrainDrawerOptions } from '@subtext/decoder';
import type { LoraSettings } from '@subtext/nn';
import type { AdapterTokens, MethodSpecification, VisibilityName, VisibilityTable } from '@subtext/reasoner';
import type { WeightDtype } from '@subtext/tensor';

import type { RunIdentity } from '../checkpoint/run-folder';
import type { InterpreterOptions, InterpreterPart } from '../interpreters/interpreter-options';
import type { RunLogger } from '../logs/run-logger';
import type { RanksOptions, TrainingProgress } from '../loop/train-options';
import type { Collective } from '../parallel/collective';
import type { TooLong } from '../phases/check-lengths';
import type { ReinforcementOptions } from '../reinforcement/reinforcement-options';
import type { RunEstimate } from './estimate-run';
import type { PhaseSchedule, TrainingOptions } from './training-options';

/** A model that was saved. */
export interface SavedModel {
  kind: 'reasoner' | 'adapter' | 'interpreter';
  folder: string;
  /** Steps that it was trained for. */
  steps: number;
  /** Examples that it was trained on. */
  examples: number;
}

/** What a run tells while it works. */
export type RunEvent =
  /** Examples that do not fit into the model were left out, of so many. */
  | { event: 'too-long'; tooLong: TooLong[]; of: number; maxPositions: number }
  /** So many tokens learn beside an adapter: new ones, and those of the data that the checkpoint cannot tell from others. */
  | { event: 'token-rows'; tokens: number; added: number; unseen: number; unseenAlone: number }
  /** New tokens stay as they are drawn. */
  | { event: 'untrained-tokens'; tokens: number; method: string }
  /** What the run will take; `whole` where that is all that was asked for. */
  | { event: 'estimate'; estimate: RunEstimate; whole: boolean }
  | { event: 'notice'; notice: string }
  | { event: 'progress'; part: 'reasoner' | InterpreterPart; progress: TrainingProgress }
  /** A phase has ended, at a step and after so many seconds of this session. */
  | { event: 'phase'; phase: string; step: number; seconds: number }
  /** The progress of a part has ended, in whichever way. */
  | { event: 'end-progress' }
  | { event: 'stopped'; part: 'reasoner' | InterpreterPart; step: number }
  /** A drawer is trained: the reasoner thinks over its examples, then it learns to draw these thoughts. */
  | { event: 'drawing'; part: 'thoughts' | 'steps'; done: number; total: number; loss?: number }
  | { event: 'trained'; steps: number; skippedSteps: number; seconds: number };

/** What is common to all runs: where they go, what is written beside the models, and who is told. */
export interface RunSettings {
  /** Gets the models, the checkpoints and the log; a run that it holds is resumed. */
  folder: string;
  /**
   * What the result depends on: a folder that holds a run of another identity is refused. @default that of the options, of
   * the examples with their pictures, and of every file of the models that it starts from
   */
  identity?: RunIdentity;
  seed?: number;
  /** The processes that train together (`openCollective`): each calls alike, and the first one's folder counts. @default this one alone */
  collective?: Collective;
  /** How they do. */
  ranks?: RanksOptions;
  /** Threads; 0 computes in this thread. @default `defaultWorkers` */
  workers?: number;
  /** Whether a finished run, or one of other settings, is deleted and replaced. @default false */
  overwrite?: boolean;
  /** Tells what the run will take, and writes nothing. @default false */
  dryRun?: boolean;
  /** What the run was asked for, for people: `configuration.json`, and told to loggers. Must be JSON. @default its method, model and training */
  record?: Readonly<Record<string, unknown>>;
  /** Keys of the record (`logs`, `data.train`) that leave the result as it is: not named where a found run differs. @default [] */
  incidental?: readonly string[];
  /** Looks at the data where the run is not finished yet; what it gives is written to `data.json`. @default nothing */
  report?: () => Promise<unknown>;
  /** Opens logs beside `log.jsonl`, for the run and for interpreters after it. @default none */
  loggers?: () => Promise<RunLogger[]>;
  /** What `finished.json` says beside steps and seconds. @default nothing */
  summary?: () => Readonly<Record<string, unknown>>;
  onEvent?: (event: RunEvent) => void;
  /** How the model cards beside what is saved call the data, of which so many examples were taken; `false` writes none. @default how many examples */
  card?: false | { data: (examples: number) => string };
  /** Saves and leaves when aborted. */
  signal?: AbortSignal;
}

/** The model that a run starts from, and what of it learns. */
export interface RunModelOptions {
  /** A folder, or an id on the hub: a Hugging Face checkpoint, or the reasoner that an earlier run left. One of `from` and `new`. */
  from?: string;
  /** config.json of a new model with random weights; vocabulary, image token and special ids are filled in. */
  new?: Record<string, unknown>;
  /** Of a new model: parameters drawn with another standard deviation, by regular expressions over their names. @default [] */
  initialisation?: readonly { pattern: string; deviation: number }[];
  /** preprocessor_config.json of a new vision model. @default pictures resized to the encoder's size, values from −1 to 1 */
  processor?: Record<string, unknown>;
  /** Where a model sees the picture. @default 'before' the question */
  imagePosition?: 'before' | 'after';
  /** A low-rank adapter to train in the model's place. @default none */
  lora?: Omit<LoraSettings, 'tokens'> & { /** How new tokens learn. @default 'rows' */ tokens?: AdapterTokens };
  /**
   * How the weights of a model `from` somewhere are stored, in fewer bits for an adapter to train over (`loadModel`):
   * asks for `lora`. @default 'float32'
   */
  dtype?: Exclude<WeightDtype, 'f16'>;
  /** Parameters that stay as they are: regular expressions over their names. @default [] */
  frozen?: readonly string[];
}

/** A run over examples. */
export interface TrainRunOptions extends RunSettings {
  examples: readonly ReasoningExample[];
  /** Examples whose loss is taken while training. @default none */
  heldOut?: readonly ReasoningExample[];
  /** Further texts whose words the tokenizer of a new model knows. @default [] */
  vocabulary?: readonly ReasoningExample[];
  /** The largest share of the examples that may be left out since the model has no room for them. @default 0 */
  mayLeaveOut?: number;
  /** Names of the chain's steps. @default those of the examples */
  stages?: readonly string[];
  /** How steps and answers are written. @default 'tagged' */
  reasoningFormat?: 'tagged' | 'lines';
  method: MethodSpecification;
  /** Which positions attend to which. @default as the model learnt it; else each position all before it */
  visibility?: VisibilityName | VisibilityTable;
  model: RunModelOptions;
  training?: TrainingOptions;
  /** Trains by rewards for the model's own answers, in place of the method's phases. Needs `model.from`. @default the phases */
  reinforcement?: ReinforcementOptions;
  /** Modules that register what the run needs, such as its method's objectives: included here and in each worker. @default [] */
  include?: readonly string[];
  /** Interpreters to train, with the reasoner or after it. @default none, or those that the method's thoughts are supervised with */
  interpreters?: RunInterpreterOptions;
  /** A decoder that draws a stage's thoughts as pictures, trained after the reasoner and saved in its `drawer`. @default none */
  drawer?: RunDrawerOptions;
}

/** The drawer of a run. */
export interface RunDrawerOptions extends Pick<
  TrainDrawerOptions,
  'hiddenWidth' | 'steps' | 'batchSize' | 'learningRate'
> {
  /** The stage whose thoughts it draws. */
  stage: string;
  /** How many of the training examples it learns from, from the first. @default 2000 */
  examples?: number;
  /** Of what it draws, in pixels. @default that of the first picture, at most 64 a side */
  height?: number;
  width?: number;
}

/** The interpreters of a run. */
export interface RunInterpreterOptions extends InterpreterOptions {
  /** False throws them away after training: thoughts are supervised, not read. @default true */
  keep?: boolean;
  /**
   * Trains each once more, as many steps as it had thoughts to read, on the thoughts of other examples, so that it can only
   * guess: what audits hold it against. Saved in the reasoner's `blind-interpreters`. @default false
   */
  blind?: boolean;
  /** Of interpreters trained after the reasoner. @default one epoch */
  schedule?: PhaseSchedule;
}

/** What a run left. */
export interface TrainRunResult {
  /** `estimated`: nothing was trained. */
  status: 'finished' | 'stopped' | 'estimated';
  /** The reasoner's folder. */
  reasoner: string;
  /** Folders of the interpreters, if there are any. */
  interpreters: string[];
  /** `log.jsonl`. */
  log: string;
  /** Seconds trained so far, in all sessions. */
  seconds: number;
}
