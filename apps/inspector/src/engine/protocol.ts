import type { ReasoningExample } from '@subtext/data';
import type {
  Alikeness,
  EarlyAnswer,
  GraphThoughts,
  ReadBack,
  ThoughtEdit,
  ThoughtNeed,
  Trace,
} from '@subtext/decoder';

/** A question as the page asks it. */
export interface Asked {
  question: string;
  /** The picture's file. */
  image?: Uint8Array;
  /** By stage, what its thoughts are told in words. */
  words?: Record<string, string>;
}

/** A group of examples, by what they were answered. */
export interface SteerDirection {
  stage: string;
  /** The answer that it leads to, and the one that it leads away from. */
  to: string;
  from: string;
}

/** What is done to the thoughts of an answer. */
export interface Edits {
  edits: ThoughtEdit[];
  /** Whose thoughts `another` takes. */
  another?: Asked;
  /** Of `steer`; its examples have been gone through. */
  direction?: SteerDirection;
}

/** A model that was opened. */
export interface ModelInfo {
  name: string;
  /** A reasoner, or a Hugging Face model that thinks in no way of ours. */
  kind: 'reasoner' | 'model';
  family: string;
  parameters: number;
  layers: number;
  method: string | null;
  stages: string[];
  hiddenStages: string[];
  /** Which positions attend to which, as stored with it. */
  visibility: Record<string, readonly string[]> | null;
  sees: boolean;
  /** Whether it thinks what it is told in words. */
  fromWords: boolean;
  /** Whether its questions are graphs. */
  graphs: boolean;
  /** Stages that its interpreters explain. */
  explains: string[];
  /** The stage that its drawer draws. */
  draws: string | null;
  /** What one should know of the folder. */
  notes: string[];
  milliseconds: number;
}

/** An answer, as it is and as it was changed. */
export interface Answered {
  trace: Trace;
  /** With its own thoughts; null where nothing was changed. */
  own: Trace | null;
  milliseconds: number;
}

/** Pixels: red, green, blue. */
export interface Drawn {
  stage: string;
  width: number;
  height: number;
  data: Uint8Array;
}

/** One thought of an example on the map. */
export interface MapPoint {
  example: number;
  stage: string;
  index: number;
  answer: string | null;
  x: number;
  y: number;
  /** The nearest others, by their places in the list, nearest first. */
  near: number[];
}

/** An example as a data set gives it, less its picture. */
export type ExampleFacts = Pick<ReasoningExample, 'id' | 'question' | 'answer' | 'steps' | 'category' | 'facts'>;

/** What computes. */
export interface EngineInfo {
  engine: 'wasm' | 'webgpu';
  device: string;
  /** Whether the device is a processor that imitates a GPU. */
  software: boolean;
  /** Why it is not the one that was asked for; null where it is. */
  fault: string | null;
}

/** What the worker does, by name: what it is given, and what it gives. */
export interface Work {
  /** Makes an engine compute, before anything else is asked; WebAssembly where a GPU refuses. */
  start(options: { engine: EngineInfo['engine'] }): EngineInfo;
  /** Gives the examples of which it is known what follows from another's stage. */
  examples(options: { examples: ExampleFacts[] }): null;
  /** The answer that follows for an example from another's stage; null where the data does not tell. */
  follows(options: { example: number; another: number; stage: string }): string | null;
  open(options: { slot: number; name: string; files: Record<string, Blob> }): ModelInfo;
  ask(
    options: { slot: number; asked: Asked } & Partial<Edits> & { attention?: boolean; lens?: boolean | 'words' },
  ): Answered;
  read(options: { slot: number; asked: Asked } & Partial<Edits>): ReadBack[];
  need(options: { slot: number; asked: Asked; another?: Asked }): { needs: ThoughtNeed[]; early: EarlyAnswer[] };
  draw(options: { slot: number; asked: Asked } & Partial<Edits>): Drawn | null;
  /** Which nodes of its graph each thought holds. */
  graph(options: { slot: number; asked: Asked } & Partial<Edits>): GraphThoughts;
  collect(options: { slot: number; asked: Asked[] }): (string | null)[];
  alike(options: { slot: number; asked: Asked }): Alikeness[];
  map(options: { slot: number; /** Null: all stages together. */ stage: string | null; method: 'pca' | 'umap' }): {
    points: MapPoint[];
    explained: number[] | null;
  };
}

/** To the worker. */
export interface Call {
  id: number;
  name: keyof Work;
  options: unknown;
}

/** From the worker. */
export type Reply =
  | { id: number; result: unknown }
  | { id: number; error: string }
  | { id: number; progress: { done: number; total: number } };
